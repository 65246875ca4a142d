"""Metadata that cannot be part of a result is left out, and a field of the album gives the reason."""

import pytest

from common.album_metadata import METADATA_MAX_BYTES, METADATA_MAX_LEVELS, presentable_metadata


def padded(size_bytes: int) -> str:
    return '{"a": "' + "x" * (size_bytes - len('{"a": ""}')) + '"}'


def nested(levels: int) -> str:
    return '{"a": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"a": 1}',
        padded(METADATA_MAX_BYTES),
        nested(METADATA_MAX_LEVELS),
        '{"brackets": "' + "[{" * 200 + '"}',
        '{"brackets": "' + r"\"[{\\" * 200 + '"}',
        '{"lists": [' + ", ".join(["[]"] * 200) + "]}",
    ],
)
def test_an_object_within_the_bounds_is_unchanged(text: str) -> None:
    assert presentable_metadata(text) == (text, None)


@pytest.mark.parametrize(
    "text",
    [
        padded(METADATA_MAX_BYTES + 1),
        '{"a": "' + "\N{SNOWMAN}" * (METADATA_MAX_BYTES // 3) + '"}',
        nested(METADATA_MAX_LEVELS + 1),
        '{"a": "\\\\", "b": ' + nested(METADATA_MAX_LEVELS) + "}",
    ],
)
def test_an_object_beyond_the_bounds_is_left_out(text: str) -> None:
    assert presentable_metadata(text) == ("{}", "too_large")


@pytest.mark.parametrize("text", ['["4AD"]', '"4AD"', "7", "true", "[]"])
def test_a_value_that_is_not_an_object_is_left_out(text: str) -> None:
    assert presentable_metadata(text) == ("{}", "not_an_object")


@pytest.mark.parametrize("text", [None, "null"])
def test_null_is_metadata_without_keys(text: str | None) -> None:
    assert presentable_metadata(text) == ("{}", None)
