"""Evaluate a model: questions, measures, report."""
