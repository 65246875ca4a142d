"""Models of the JSON responses."""
