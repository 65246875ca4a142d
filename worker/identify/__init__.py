"""Decide which cover a photograph shows, and how sure that is."""
