"""Searching: the use case, who waits for what, what is known of the catalog, and health."""
