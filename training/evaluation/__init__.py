"""Evaluates a model: the test questions, the measures and the report."""
