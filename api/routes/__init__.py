"""The HTTP endpoints, one module for each group of related paths."""
