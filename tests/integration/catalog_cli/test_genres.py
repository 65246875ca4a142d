"""Several genres in one cell survive an ingest, an export and a second ingest."""

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import orjson
import psycopg
import pytest

from catalog.demo.albums import demo_albums
from catalog.ingest.album_loading import content_hash
from catalog.ingest.columns.mapping import ColumnMap
from catalog.ingest.tables.raw_row import Cells, RawRow
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, cells, rows, write_table
from tests.paths import DEMO_MODEL

INGEST = ("ingest", "albums.csv", "--covers", "covers")
CELLS = [
    "Rock",
    "Electronic",
    "Folk/Country",
    "Rock,Electronic",
    "Rock/Electronic",
    '["A, B","C/D"]',
    "",
    "rock;ROCK",
]
GENRES = [
    ["Rock"],
    ["Electronic"],
    ["Folk/Country"],
    ["Rock", "Electronic"],
    ["Rock", "Electronic"],
    ["A, B", "C/D"],
    [],
    ["rock"],
]


def album_id(number: int) -> str:
    return f"demo-1967-{number:05}"


def table_of(cells_of_genre: list[str]) -> list[dict[str, object]]:
    albums = demo_albums(len(cells_of_genre))
    return [cells(album) | {"genre": cell} for album, cell in zip(albums, cells_of_genre, strict=True)]


def genres(database_url: str) -> list[object]:
    return [row["genres"] for _, row in sorted(rows(database_url).items())]


def test_albums_with_several_genres_in_a_cell_are_found_and_counted_by_each(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    write_table(workdir / "albums.csv", table_of(CELLS))

    done = catalog(*INGEST)
    stats = json.loads(catalog("stats", "--json").out)

    assert done.status == 0, done.err
    assert genres(database_url) == GENRES
    assert [row["genre"] for _, row in sorted(rows(database_url).items())] == [
        next(iter(names), None) for names in GENRES
    ]
    counts = {entry["genre"]: entry["count"] for entry in stats["genres"]}
    assert counts == {"Rock": 4, "Electronic": 3, "Folk/Country": 1, "A, B": 1, "C/D": 1}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_exported_genres_are_ingested_unchanged(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str, suffix: str
) -> None:
    write_table(workdir / "albums.csv", table_of(CELLS))
    catalog(*INGEST)
    before = rows(database_url)

    catalog("export", f"out.{suffix}")
    again = catalog("ingest", f"out.{suffix}", "--covers", "covers")
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM album_covers")
    catalog("ingest", f"out.{suffix}", "--covers", "covers")

    assert f"0 written, {len(CELLS)} unchanged" in again.err
    assert rows(database_url) == before


def test_migrated_and_plain_sql_rows_are_exported_with_their_genre(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO album_covers (id, genre) VALUES ('a', 'Rock'), ('b', 'Folk/Country')")
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE album_covers SET genres = NULL, genre_keys = NULL")

    catalog("export", "out.csv")
    catalog("export", "out.jsonl")

    with (workdir / "out.csv").open(newline="") as file:
        assert [row["genre"] for row in csv.DictReader(file)] == ["Rock", '["Folk/Country"]']
    actual = [json.loads(line)["genre"] for line in (workdir / "out.jsonl").read_text().splitlines()]
    assert actual == ["Rock", ["Folk/Country"]]


def test_genres_listed_by_the_operator_are_not_split(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    write_table(workdir / "albums.csv", table_of(["Rock", "Pop", "Rock/Pop", "Folk, World, & Country"]))
    (workdir / "genres.txt").write_text("Folk, World, & Country\nRock/Pop\n")

    catalog(*INGEST)
    split = genres(database_url)
    listed = catalog(*INGEST, "--genres", "genres.txt")

    assert split == [["Rock"], ["Pop"], ["Rock", "Pop"], ["Folk", "World", "& Country"]]
    assert genres(database_url) == [["Rock"], ["Pop"], ["Rock/Pop"], ["Folk, World, & Country"]]
    assert "2 written, 2 unchanged" in listed.err


def test_a_changed_genre_does_not_embed_the_cover_again(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    table = [cells(album) for album in demo_albums(ALBUMS)]
    table[3]["genre"] = "Polka;Waltz"
    write_table(workdir / "albums.csv", table)

    done = catalog(*INGEST)

    after = rows(database_url)
    assert f"1 written, {ALBUMS - 1} unchanged" in done.err
    assert after[album_id(3)]["genres"] == ["Polka", "Waltz"]
    assert after[album_id(3)]["embedding"] == before[album_id(3)]["embedding"]


def test_the_hash_of_an_album_with_one_genre_is_stable_across_releases() -> None:
    cell: Cells = {"id": "1", "artist": "A", "album_name": "N", "genre": "Folk"}
    album = ColumnMap.of((*cell,), {}).read(RawRow(1, cell))
    known = {
        "fields": {
            "id": "1",
            "artist": "A",
            "album_name": "N",
            "genre": "Folk",
            "release_year": None,
            "pitchfork_score": None,
            "best_new_music": False,
            "reviewer": None,
        },
        "metadata": {},
        "cover": "c",
        "cover_source": "s",
        "cover_url": None,
    }

    actual = content_hash(album, cover_hash="c", cover_source="s", cover_url=None)

    assert actual == hashlib.sha256(orjson.dumps(known, option=orjson.OPT_SORT_KEYS)).hexdigest()


def test_reembedding_keeps_all_genres(catalog: Catalog, workdir: Path, database_url: str) -> None:
    write_table(workdir / "albums.csv", table_of(CELLS))
    catalog(*INGEST)

    done = catalog(
        "reembed",
        "--model",
        str(DEMO_MODEL),
        "--covers",
        "covers",
        ENCODER="openvino",
        CLIP_MODEL=str(DEMO_MODEL),
    )

    assert done.status == 0, done.err
    assert genres(database_url) == GENRES
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO album_covers (id, genres) VALUES ('new', '{Jazz,Rock}')")
        row = connection.execute("SELECT genre, genre_keys FROM album_covers WHERE id = 'new'").fetchone()
        indexes = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'album_covers'"
        ).fetchall()
    assert row == ("Jazz", ["jazz", "rock"])
    assert {("album_covers_genre_keys",), ("album_covers_several_genres",)} <= {*indexes}
