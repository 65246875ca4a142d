"""Benchmarks that compare this product with a plain implementation and with the limits of the machine."""
