"""Tests: `unit` mirrors the source, `integration` and `e2e` run real servers, and `faults` breaks servers."""
