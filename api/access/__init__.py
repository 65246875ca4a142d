"""Access control by API keys, client addresses and rate limits."""
