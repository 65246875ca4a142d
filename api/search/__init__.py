"""The search use case, its waiting requests, the catalog cache, and health; imports no web framework."""
