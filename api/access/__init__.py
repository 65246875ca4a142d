"""Access control: callers, API-key checks, rate limits."""
