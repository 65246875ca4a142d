"""Benchmarks of the speed of an ingest and of its effect on searches."""
