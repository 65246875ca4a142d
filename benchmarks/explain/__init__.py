"""Measures explanations: whether the closest words are true of demo covers, and what explaining costs."""
