"""Reads numbers strictly from texts that come from outside: settings, command-line arguments and headers.

Python's `int` and `float` also accept underscores, blanks and the digits of other scripts.
"""

import argparse
import math
import re
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")

#: At most 18 digits after leading zeros, so that the number fits in 64 bits.
_WHOLE = re.compile(r"0{0,99}[0-9]{1,18}")
#: The maximum number of characters of a text that an error message shows.
_SHOWN_CHARS = 40
_DECIMAL = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def read_whole_number(text: str, *, least: int = 0) -> int:
    """Return the number that a text of the digits 0 to 9 stands for.

    Raises:
        ValueError: the text is not a whole number, or the number is less than `least`.
    """
    if not _WHOLE.fullmatch(text) or int(text) < least:
        raise ValueError(f"a whole number of at least {least}, not {text[:_SHOWN_CHARS]!r}")
    return int(text)


def read_decimal(text: str) -> float:
    """Return the number that a text such as `2`, `0.5` or `1e3` stands for.

    Raises:
        ValueError: the text is not a number without a sign, or the number is too large.
    """
    number = float(text) if _DECIMAL.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise ValueError(f"a number such as 2 or 0.5, not {text[:_SHOWN_CHARS]!r}")
    return number


def whole_number(argument: str) -> int:
    """Return a command-line argument's value, which must be a whole number."""
    return _argument(argument, read_whole_number)


def positive_integer(argument: str) -> int:
    """Return a command-line argument's value, which must be a whole number of at least 1."""
    return _argument(argument, partial(read_whole_number, least=1))


def decimal_number(argument: str) -> float:
    """Return a command-line argument's value, which must be a number without a sign."""
    return _argument(argument, read_decimal)


def _argument(argument: str, read: Callable[[str], T]) -> T:
    try:
        return read(argument)
    except ValueError as error:
        # argparse replaces the message of a plain ValueError by its own.
        raise argparse.ArgumentTypeError(str(error)) from None
