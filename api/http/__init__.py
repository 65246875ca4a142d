"""The HTTP layer: connections, request bodies, static files, headers, CORS."""
