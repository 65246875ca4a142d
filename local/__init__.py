"""Runs the whole service on one machine, that is Redis, PostgreSQL, the gateway and the workers."""
