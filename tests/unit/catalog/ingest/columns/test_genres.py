"""A cell is split into genres, and the whole table decides which names belong together."""

from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from catalog.ingest.columns.genres import (
    GenreSplitter,
    genre_splitter,
    genre_splitter_of_counts,
    parse_genre_list,
)
from common.errors import SettingsError

PITCHFORK = ["Rock"] * 40 + ["Electronic"] * 20 + ["Folk/Country"] * 10 + ["Pop/R&B"] * 15 + ["Rap"] * 10


@pytest.mark.parametrize(
    ("cell", "genres"),
    [
        ("Rock", ("Rock",)),
        ("  Hip   Hop ", ("Hip Hop",)),
        ("Rock,Electronic", ("Rock", "Electronic")),
        ("Rock; Electronic ;Jazz", ("Rock", "Electronic", "Jazz")),
        ("Rock|Electronic", ("Rock", "Electronic")),
        ("Rock\0Electronic", ("Rock", "Electronic")),
        ("Rock\r\nElectronic", ("Rock", "Electronic")),
        ("Rock/Electronic, Jazz", ("Rock", "Electronic", "Jazz")),
        ("Rock,rock, ROCK ,Jazz,Rock", ("Rock", "Jazz")),
        (",Rock,,  ;|/", ("Rock",)),
        (",;|", ()),
        ('["Rock", "Electronic"]', ("Rock", "Electronic")),
        ("['Rock', 'Electronic']", ("Rock", "Electronic")),
        ('["Rock, with a comma/and a slash", null, ""]', ("Rock, with a comma/and a slash",)),
        (["Rock", None, " Jazz ", "ROCK", float("nan")], ("Rock", "Jazz")),
        (["Folk/Country"], ("Folk/Country",)),
        ([], ()),
        ("[]", ()),
        ("[Rock", ("[Rock",)),
        ("[not a list]", ("[not a list]",)),
        ("Pop &amp; R&amp;B;Rock", ("Pop & R&B", "Rock")),
        ("R&B;Soul", ("R&B", "Soul")),
        ("Rock, N/A", ("Rock",)),
        (80, (80,)),
        ([80, "80"], (80,)),
        ({"name": "Rock"}, ({"name": "Rock"},)),
        (True, (True,)),
    ],
)
def test_a_cell_is_split_into_any_number_of_genres(cell: object, genres: tuple[object, ...]) -> None:
    assert GenreSplitter().read(cell) == genres


@pytest.mark.parametrize(
    ("column", "cell", "genres"),
    [
        (PITCHFORK, "Folk/Country", ("Folk/Country",)),
        (PITCHFORK, "folk / country", ("folk/country",)),
        (PITCHFORK, "Pop/R&B", ("Pop/R&B",)),
        (PITCHFORK, "Rap/Pop/R&B", ("Rap", "Pop/R&B")),
        (PITCHFORK, "Pop/R&B,Rock", ("Pop/R&B", "Rock")),
        ([*PITCHFORK, "Rock/Electronic"], "Rock/Electronic", ("Rock", "Electronic")),
        ([*PITCHFORK, "Rock/Shoegaze"], "Rock/Shoegaze", ("Rock", "Shoegaze")),
        ([*PITCHFORK, "Rap/Pop/R&B"], "Rap/Pop/R&B", ("Rap", "Pop/R&B")),
        (["Rock", "N/A", "N", "A"], "N/A", ()),
        # One album with the genre Pop does not split the 15 cells with Pop/R&B, but two albums do.
        ([*PITCHFORK, "Pop"], "Pop/R&B", ("Pop/R&B",)),
        ([*PITCHFORK, "Pop", "Pop"], "Pop/R&B", ("Pop", "R&B")),
        # No cell has only one genre, but the same genres occur in other combinations.
        (["Rock/Pop", "Rock/Jazz"], "Rock/Pop", ("Rock", "Pop")),
        (["Rock/Pop", "Pop/Rock"], "Rock/Pop", ("Rock", "Pop")),
        (["Rock/Pop/Jazz", "Rock/Pop"], "Rock/Pop", ("Rock/Pop",)),
        # Each element of a list is one genre, even with a slash.
        ([["Rock/Pop"], "Rock", "Pop"], "Rock/Pop", ("Rock/Pop",)),
    ],
)
def test_a_slash_separates_genres_unless_the_table_uses_the_whole_as_one(
    column: list[object], cell: str, genres: tuple[str, ...]
) -> None:
    assert genre_splitter(column).read(cell) == genres


def test_row_order_does_not_change_how_genres_are_split() -> None:
    column = ["Rock/Pop", "Pop", "Rap/Soul", "Soul/Rap", "Folk/Country"]

    read = {
        tuple(reader.read(cell) for cell in column)
        for order in permutations(column)
        for reader in (genre_splitter(order),)
    }

    assert read == {(("Rock", "Pop"), ("Pop",), ("Rap", "Soul"), ("Soul", "Rap"), ("Folk/Country",))}


@pytest.mark.parametrize(
    ("listed", "cell", "genres"),
    [
        (("Rock/Electronic",), "Rock/Electronic", ("Rock/Electronic",)),
        (("ROCK / ELECTRONIC",), "Jazz, Rock/Electronic", ("Jazz", "Rock/Electronic")),
        (("Folk",), "Folk/Country", ("Folk", "Country")),
        (("Folk, World, & Country",), "Rock, Folk, World, & Country", ("Rock", "Folk, World, & Country")),
        (("Rock/Pop", "Rock/Pop/Rap"), "Rock/Pop/Rap/Jazz", ("Rock/Pop/Rap", "Jazz")),
    ],
)
def test_the_operators_list_of_genres_overrides_the_table(
    listed: tuple[str, ...], cell: str, genres: tuple[str, ...]
) -> None:
    assert genre_splitter(PITCHFORK, listed=listed).read(cell) == genres


@pytest.mark.parametrize("more", [[], ["Pop"], ["Pop", "Pop"], ["Rap/Pop/R&B"] * 3])
def test_counted_cells_are_split_as_repeated_cells(more: list[str]) -> None:
    cells = [*PITCHFORK, *more]
    counted = genre_splitter_of_counts(Counter[object](cells).items())

    for cell in ("Pop/R&B", "Rap/Pop/R&B", "Folk/Country", "Rock/Electronic"):
        assert counted.read(cell) == genre_splitter(cells).read(cell)


def test_the_list_of_genres_may_be_a_file_or_an_argument(tmp_path: Path) -> None:
    file = tmp_path / "genres.txt"
    file.write_text("\ufeffFolk, World, & Country\r\n\n  Pop/R&B  \n")

    assert parse_genre_list(str(file)) == ("Folk, World, & Country", "Pop/R&B")
    assert parse_genre_list("Folk/Country, Pop/R&B,") == ("Folk/Country", "Pop/R&B")
    assert len(parse_genre_list(",".join(f"Genre {number}" for number in range(1000)))) == 1000
    assert parse_genre_list('["Folk, World, & Country"]') == ("Folk, World, & Country",)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_unreadable_list_of_genres_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "genres.txt"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsError, match="--genres"):
        parse_genre_list(str(file))


def test_a_cell_of_a_hundred_thousand_separators_is_parsed() -> None:
    reader = genre_splitter(["Folk/Country"])

    assert reader.read(",/" * 50_000 + "Rock") == ("Rock",)


@pytest.mark.parametrize("text", ["[{[]}]", "[{[]: 1}]", f"[0x{'f' * 9000}]"])
def test_a_text_whose_list_has_no_value_or_no_text_is_one_name(text: str) -> None:
    splitter = genre_splitter([text])

    assert splitter.read(text) == (text,)


@pytest.mark.timeout(20)  # a pattern that goes back at each blank would take hours
def test_a_long_run_of_blanks_in_a_genre_is_read_quickly() -> None:
    assert GenreSplitter().read(f"Hip{' ' * 1_000_000}Hop") == ("Hip Hop",)


@pytest.mark.timeout(20)  # comparing every cell with a name of any number of parts would take hours
def test_a_name_of_many_parts_does_not_slow_down_other_cells() -> None:
    splitter = genre_splitter([["/".join("a" * 4000)]])

    assert splitter.read("Rock/" * 100_000) == ("Rock",)
