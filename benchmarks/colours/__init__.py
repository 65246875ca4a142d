"""Benchmarks of palettes and of the filter by colour."""
