"""Starts, supervises and stops child processes, which end when this process ends."""
