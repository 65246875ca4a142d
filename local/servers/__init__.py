"""The servers (Redis, PostgreSQL, PostgREST) that the service and its tests start on this machine."""
