"""Measurements: this product compared with a plain implementation and with the machine's limit."""
