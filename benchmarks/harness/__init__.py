"""Code that all benchmarks share: the run, figures and targets, interleaving, CPU use, tables."""
