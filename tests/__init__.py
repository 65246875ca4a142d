"""Tests: `unit` mirrors the source, `integration` runs the real servers, `faults` breaks them."""
