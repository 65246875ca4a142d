"""No regular expression needs a time that grows with the square of a text's length.

If two unbounded repeats can match the same character, and the parts between them match this character or
nothing, a text that does not match is divided between the repeats in every possible way. This is checked on
the parsed expressions: a branch counts as its alternatives, and a repeated group as up to two copies.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import pytest

import api
import common
from api.contract.requests.filter_parameters import PRINTABLE

parser: Any = importlib.import_module("re._parser")

#: A repeat with a higher maximum counts as unbounded.
BOUNDED_MAX = 100
ALPHABET = frozenset(map(chr, range(0x3001)))


@dataclass(frozen=True)
class Item:
    """A part of an expression that matches a character, or a run of characters."""

    chars: frozenset[str]
    unbounded: bool = False


def members(class_items: Sequence[Any]) -> frozenset[str]:
    found: set[str] = set()
    negated = False
    for kind, value in class_items:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                found.add(chr(value))
            case "RANGE":
                found.update(map(chr, range(value[0], value[1] + 1)))
            case "CATEGORY":
                letter = {"SPACE": "s", "DIGIT": "d", "WORD": "w"}[str(value).rpartition("_")[2]]
                letter = letter.upper() if "_NOT_" in str(value) else letter
                found.update(char for char in ALPHABET if re.match(f"[\\{letter}]", char))
            case other:
                raise ValueError(other)
    return ALPHABET - found if negated else ALPHABET & found


def sequences(parsed: Any) -> Iterator[tuple[Item, ...]]:
    """Return every sequence of items that an expression stands for."""
    for parts in product(*(list(alternatives(str(kind), value)) for kind, value in parsed)):
        yield tuple(item for part in parts for item in part)


def alternatives(kind: str, value: Any) -> Iterator[tuple[Item, ...]]:
    match kind:
        case "SUBPATTERN":
            yield from sequences(value[3])
        case "BRANCH":
            for branch in value[1]:
                yield from sequences(branch)
        # A possessive repeat, which gives no text back, is checked as strictly as the other repeats.
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            yield from repeated(*value)
        case "AT" | "ASSERT" | "ASSERT_NOT" | "GROUPREF":
            yield ()
        case _:
            yield (Item(characters(kind, value)),)


def characters(kind: str, value: Any) -> frozenset[str]:
    match kind:
        case "LITERAL":
            return frozenset(chr(value))
        case "NOT_LITERAL":
            return ALPHABET - {chr(value)}
        case "ANY":
            return ALPHABET
        case "IN":
            return members(value)
    raise ValueError(kind)


def repeated(least: int, most: int, parsed: Any) -> Iterator[tuple[Item, ...]]:
    if least == 0:
        yield ()
    once = list(sequences(parsed))
    for items in once:
        yield (replace(items[0], unbounded=most > BOUNDED_MAX),) if len(items) == 1 else items
    if most > 1:
        yield from (first + second for first, second in product(once, repeat=2))


def divided_character(pattern: str | bytes, flags: int = 0) -> str | None:
    """Return a character that two repeats of an expression share, or None."""
    parsed = parser.parse(pattern, flags)
    for items in sequences(parsed):
        for first, last in combinations([n for n, item in enumerate(items) if item.unbounded], 2):
            shared = items[first].chars & items[last].chars
            for between in items[first + 1 : last]:
                shared &= between.chars
            if shared:
                return min(shared)
    return None


def expressions() -> dict[str, tuple[str | bytes, int]]:
    """Return the regular expressions of all modules by their names."""
    found: dict[str, tuple[str | bytes, int]] = {}
    for package in (api, common):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                for number, pattern in enumerate(patterns_in(name, value)):
                    found[f"{module.name}.{name}" + (f"[{number}]" if number else "")] = pattern
    return found


def patterns_in(name: str, value: object) -> Iterator[tuple[str | bytes, int]]:
    if isinstance(value, re.Pattern):
        yield value.pattern, value.flags & ~re.UNICODE
    elif isinstance(value, str) and (name.endswith("_PATTERN") or name == "PRINTABLE"):
        yield value, 0
    elif isinstance(value, tuple | list):
        for item in value:
            yield from patterns_in("", item)


@pytest.mark.parametrize("name", sorted(expressions()))
def test_no_text_can_be_divided_between_two_repeats(name: str) -> None:
    pattern, flags = expressions()[name]

    assert divided_character(pattern, flags) is None, pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"[^\x00]*[^\x00\s][^\x00]*",
        r"[0-9]+\.?[0-9]*",
        r"[^/@]*:[^/@]*@",
        r"([^/?]*)(.*)",
        r"(?:a+b?)+",
        r"(?:a|b+|c)*d*b+e",
    ],
)
def test_an_expression_with_shared_characters_is_found(pattern: str) -> None:
    assert divided_character(pattern) is not None


@pytest.mark.parametrize("pattern", [r"[0-9]+(?:\.[0-9]*)?", r"(?:/[a-z]+)*/", r"a{0,9}a{1,9}", r"a*ba*"])
def test_an_expression_without_shared_characters_is_accepted(pattern: str) -> None:
    assert divided_character(pattern) is None


def test_the_expressions_of_texts_without_control_characters_are_among_the_checked_ones() -> None:
    assert expressions()["api.contract.requests.filter_parameters.PRINTABLE"] == (PRINTABLE, 0)
