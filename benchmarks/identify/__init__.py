"""Measure how well the covers in simulated photographs are identified."""
