"""The speed of an ingest, and its effect on searches."""
