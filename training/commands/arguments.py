"""Command-line arguments that several training commands share."""

import argparse

from common.validation.strict_numbers import decimal_number


def share(value: str) -> float:
    """Return an argument's value as a share from 0 to less than 1."""
    number = decimal_number(value)
    if number >= 1:
        raise argparse.ArgumentTypeError(f"a share such as 0.1, not {value!r}")
    return number


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    """Add the device."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
