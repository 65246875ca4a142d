"""Fetch covers over HTTP: rate limits, public addresses, retries."""
