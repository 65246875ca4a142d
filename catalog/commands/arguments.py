"""Argument types that more than one command takes."""

import argparse


def whole(value: str) -> int:
    """Read a whole number of at least 1."""
    if not value.isdecimal() or int(value) == 0:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {value!r}")
    return int(value)
