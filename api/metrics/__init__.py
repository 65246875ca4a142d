"""Counts and durations of the requests that all gateways have answered in the last five minutes."""
