"""The servers that the stack and the tests start on this machine: Redis, PostgreSQL, PostgREST."""
