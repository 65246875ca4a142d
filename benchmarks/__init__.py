"""Measurements: this product against the plain way of doing the same work, and the machine's own limit."""
