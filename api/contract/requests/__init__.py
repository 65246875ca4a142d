"""Models of request parameters, headers and bodies, and their validation."""
