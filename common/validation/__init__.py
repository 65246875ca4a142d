"""Validates texts that come from outside: numbers and URLs."""
