"""Pydantic models of request parameters, headers and bodies, from which validation is derived."""
