"""Tests of the spellings of genres."""

import pytest

from common.genres import genre_key


@pytest.mark.parametrize(
    "spelling",
    [
        "électro pop",
        "ÉLECTRO POP",
        "e\N{COMBINING ACUTE ACCENT}lectro pop",
        "  Électro   Pop ",
        "Électro\N{NO-BREAK SPACE}pop",
        "Électro\tpop\n",
        "Électro \N{FULLWIDTH LATIN CAPITAL LETTER P}op",
    ],
)
def test_all_spellings_of_a_genre_have_one_key(spelling: str) -> None:
    assert genre_key(spelling) == "électro pop"


@pytest.mark.parametrize("other", ["electro pop", "électropop", "électro-pop", "électro pop 2"])
def test_another_name_has_another_key(other: str) -> None:
    assert genre_key(other) != genre_key("Électro pop")


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\N{NO-BREAK SPACE}"])
def test_a_blank_name_is_not_a_genre(blank: str) -> None:
    assert genre_key(blank) == ""
