"""The commands of `python -m catalog`, one a module: its arguments, and what it does."""
