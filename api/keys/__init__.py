"""API keys: operators create, list and revoke them (`python -m api.keys`); gateways verify them."""
