"""Benchmarks that compare filtered search with an exact scan: recall and speed on synthetic catalogs."""
