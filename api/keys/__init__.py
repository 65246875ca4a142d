"""API keys: made, listed and revoked by operators (`python -m api.keys`), recognised by gateways."""
