"""The servers that the service and its tests start on this machine: Redis, PostgreSQL, PostgREST."""
