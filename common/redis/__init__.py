"""Access to Redis: key names, clients, the multiplexed connection, error messages and server checks."""
