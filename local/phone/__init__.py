"""The service on the local network for phones: its address, its QR code and its API key."""
