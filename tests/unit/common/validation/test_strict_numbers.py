"""Numbers from outside are read strictly: only the digits 0 to 9, without blanks, underscores and signs."""

import argparse
from collections.abc import Callable

import pytest

from common.validation.strict_numbers import (
    decimal_number,
    positive_integer,
    read_decimal,
    read_whole_number,
    whole_number,
)

#: Texts that Python's `int` or `str.isdecimal` accepts.
NOT_WHOLE = [
    "",
    " 5",
    "5 ",
    "5\n",
    "1_0",
    "+5",
    "-5",
    "\u0665",
    "\uff15",
    "5.0",
    "1e3",
    "0x5",
    "\u00b2",
    "9" * 5000,
    "0" * 5001,
]


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("5", 5), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert read_whole_number(text) == number


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_a_text_that_is_not_only_digits_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number of at least 0"):
        read_whole_number(text)


def test_a_number_below_the_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match="a whole number of at least 1, not '0'"):
        read_whole_number("0", least=1)


@pytest.mark.parametrize(
    ("text", "number"), [("2", 2), ("0.5", 0.5), (".5", 0.5), ("5.", 5), ("1e-3", 0.001)]
)
def test_a_decimal_is_read(text: str, number: float) -> None:
    assert read_decimal(text) == number


@pytest.mark.parametrize("text", ["", ".", " 1", "1_0.5", "\u0665", "+1", "-1", "nan", "inf", "1e999", "1,5"])
def test_other_texts_are_no_decimals(text: str) -> None:
    with pytest.raises(ValueError, match=r"a number such as 2 or 0\.5"):
        read_decimal(text)


@pytest.mark.parametrize("read", [whole_number, positive_integer, decimal_number])
def test_a_command_line_argument_is_refused_with_the_form_that_is_expected(
    read: Callable[[str], float],
) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="number"):
        read("1_0")
