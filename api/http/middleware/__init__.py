"""ASGI middleware: request ids, security headers, CORS, path prefix, repeated queries."""
