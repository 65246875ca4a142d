"""Pydantic models of the JSON responses, from which OpenAPI is derived."""
