"""The commands of `python -m catalog`, one per module: its arguments and its work."""
