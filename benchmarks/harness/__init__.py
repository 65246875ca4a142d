"""Shared by all benchmarks: the run, figures and targets, interleaving, CPU use, tables."""
