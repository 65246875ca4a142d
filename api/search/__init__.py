"""The search use case, waiting requests, the catalog cache and health, without a web framework."""
