"""Runs the whole service on one machine: Redis, PostgreSQL, the gateway and the workers."""
