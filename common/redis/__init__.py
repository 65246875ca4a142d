"""One room for Redis: names of keys, clients, the multiplexed connection, and what is wrong with a server."""
