"""Command-line arguments that several training commands share."""

import argparse


def share(value: str) -> float:
    """Return an argument's value as a number that is at least 0 and less than 1."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"a share such as 0.1, not {value!r}")
    return number


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    """Add the device."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
