"""A table with usual columns becomes a catalog without a mapping, and a dry run shows it without writing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog.demo.albums import demo_albums
from tests.cover_server import cover_server
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, cells, rows, write_table

DRY_RUN = ("ingest", "albums.csv", "--dry-run")


def usual(album: Mapping[str, object], **others: object) -> dict[str, object]:
    """Return a row of a table whose columns have usual names."""
    return {
        "Artist": album["artist"],
        "Album": album["album_name"],
        "Genres": album["genre"],
        "Year": album["release_year"],
        "Score": album["pitchfork_score"],
        "Author": album["reviewer"],
        "Label": "4AD",
        **others,
    }


@pytest.fixture
def tables(workdir: Path) -> list[dict[str, object]]:
    return [usual(cells(album), Image=f"{album.id}.jpg") for album in demo_albums(ALBUMS)]


def test_a_table_with_usual_names_needs_no_mapping(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    workdir: Path,
    tables: list[dict[str, object]],
    database_url: str,
) -> None:
    write_table(workdir / "albums.csv", tables)

    done = catalog("ingest", "albums.csv", "--covers", "covers")
    again = catalog("ingest", "albums.csv", "--covers", "covers")

    assert done.status == 0, done.err
    assert "fields: artist = Artist, album_name = Album, genre = Genres, release_year = Year" in done.err
    assert "stored as metadata: Label (as label)" in done.err
    assert f"0 written, {ALBUMS} unchanged" in again.err
    found = {(album["artist"], album["album_name"]): album for album in rows(database_url).values()}
    first = demo_albums(1)[0]
    album = found[first.artist, first.album_name]
    assert (album["genre"], album["release_year"]) == (first.genre, first.release_year)
    assert (float(album["pitchfork_score"]), album["reviewer"]) == (first.pitchfork_score, first.reviewer)
    assert (album["metadata"], album["cover_source"]) == ({"label": "4AD"}, f"{first.id}.jpg")


def test_a_column_of_cover_urls_is_fetched_and_given_to_clients(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    with cover_server() as server:
        server.covers |= {f"/{file.name}": file.read_bytes() for file in (workdir / "covers").iterdir()}
        addressed = [
            usual(cells(album), album_art_url=server.url(f"/{album.id}.jpg")) for album in demo_albums(ALBUMS)
        ]
        write_table(workdir / "albums.csv", addressed)

        done = catalog("ingest", "albums.csv", "--allow-private", "--per-host", "500")

    assert done.status == 0, done.err
    albums = rows(database_url).values()
    assert len(albums) == ALBUMS
    assert {album["cover_url"] for album in albums} == {row["album_art_url"] for row in addressed}


def test_the_column_cover_url_is_fetched_if_there_is_no_other(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    with cover_server() as server:
        server.covers["/a.jpg"] = (workdir / "covers" / "demo-1967-00000.jpg").read_bytes()
        row = {"id": "1", "artist": "A", "album_name": "N", "cover_url": server.url("/a.jpg")}
        write_table(workdir / "albums.csv", [row, row | {"id": "2", "cover_url": ""}])
        write_table(workdir / "files.csv", [row | {"id": "3", "cover": "a.jpg"}])

        done = catalog("ingest", "albums.csv", "--allow-private")
        with_file_names = catalog("ingest", "files.csv", "--allow-private")

    assert "1 written, 0 unchanged, 1 rejected" in done.err
    assert with_file_names.status == 0, with_file_names.err
    albums = rows(database_url)
    assert {number: album["cover_source"] for number, album in albums.items()} == {
        "1": row["cover_url"],
        "3": row["cover_url"],
    }


def test_a_dry_run_shows_ten_albums_and_every_rejected_row(
    catalog: Catalog, workdir: Path, tables: list[dict[str, object]], database_url: str
) -> None:
    tables[3]["Artist"] = ""
    tables[20]["Image"] = "gone.jpg"
    tables[21] |= {"Artist": tables[0]["Artist"], "Album": tables[0]["Album"]}
    tables[22]["Year"] = "soon"
    write_table(workdir / "albums.csv", tables)
    before = sorted(workdir.rglob("*"))

    # Neither a model nor a catalog can be reached.
    done = catalog(
        *DRY_RUN, "--covers", "covers", DATABASE_URL="", ENCODER="auto", CLIP_MODEL="/nowhere", REDIS_URL=""
    )

    assert done.status == 1
    assert "fields: artist = Artist, album_name = Album" in done.err
    assert f"{ALBUMS - 3} albums, 3 rejected rows; this was a dry run, nothing was written" in done.err
    shown = done.out.splitlines()
    assert sum(line.endswith("would be this album:") for line in shown) == 10
    first = demo_albums(1)[0]
    for line in (f"  artist: {first.artist}", f"  cover: {first.id}.jpg", '  metadata: {"label": "4AD"}'):
        assert line in shown
    assert [line.split(": ")[:2] for line in shown if "rejected" in line] == [
        ["row 4 would be rejected", "invalid_field"],
        ["row 21 would be rejected", "missing_cover"],
        ["row 22 would be rejected", "duplicate_id"],
    ]
    assert any(line.startswith("row 23 would lose a value: Year: not_a_year") for line in shown)
    assert "row 1 has the same artist and title" in done.out
    assert sorted(workdir.rglob("*")) == before
    assert rows(database_url) == {}


def test_a_dry_run_of_a_table_without_faults_succeeds(
    catalog: Catalog, workdir: Path, tables: list[dict[str, object]]
) -> None:
    write_table(workdir / "albums.csv", tables)

    assert catalog(*DRY_RUN, "--covers", "covers").status == 0


def test_cells_cannot_send_commands_to_the_terminal(
    catalog: Catalog, workdir: Path, tables: list[dict[str, object]]
) -> None:
    tables[0]["\x1b[2J"] = "x"
    tables[0]["Author"] = "\x1b]0;title\x07 \x9b2J Name\nrow 2 would be rejected"
    tables[1]["Year"] = "\x1b[2J"
    write_table(workdir / "albums.csv", tables)

    done = catalog(*DRY_RUN, "--covers", "covers")
    refused = catalog(*DRY_RUN, "--covers", "covers", "--map", "artist=")

    assert "stored as metadata: Label (as label), \\x1b[2J" in done.err
    assert refused.status == 2
    assert "  reviewer: \\x1b]0;title\\x07 \\x9b2J Name\\nrow 2 would be rejected" in done.out.splitlines()
    assert not {"\x1b", "\x07", "\x9b"} & set(done.out + done.err + refused.err)


def test_ids_in_an_object_of_metadata_are_not_looked_up(catalog: Catalog, workdir: Path) -> None:
    row = {"artist": "A", "album": "N", "image": "https://example.org/1.jpg", "metadata": ""}
    other = {"album": "O", "image": "", "metadata": '{"discogs_release_id": 7}'}
    write_table(workdir / "albums.csv", [row, row | other])

    done = catalog(*DRY_RUN)

    assert "1 albums, 1 rejected rows" in done.err
    (rejected,) = (line for line in done.out.splitlines() if "rejected" in line)
    assert rejected.startswith("row 2 would be rejected: missing_cover: ")
    assert rejected.endswith(" has no cover URL")


def test_a_cell_that_looks_like_the_ids_of_a_release_is_not_trusted(catalog: Catalog, workdir: Path) -> None:
    cells_of_covers = ("discogs:release/x://", "musicbrainz:release/../../x://")
    table = [
        {"artist": "A", "album": number, "cover": cell, "discogs_id": number}
        for number, cell in enumerate(cells_of_covers, start=1)
    ]
    write_table(workdir / "albums.csv", table)

    done = catalog(*DRY_RUN)

    assert done.status == 0, done.err
    assert [line for line in done.out.splitlines() if "cover:" in line] == [
        "  cover: discogs:release/1 (Cover Art Archive)",
        "  cover: discogs:release/2 (Cover Art Archive)",
    ]


@pytest.mark.parametrize(
    ("columns", "arguments", "says"),
    [
        ({"title": "T"}, (), "the columns Album and title could each be the title of the album"),
        ({}, (), "no column of the table has the URLs of covers"),
        ({}, ("--map", "artist="), "no column for artist"),
    ],
)
def test_a_table_that_cannot_be_mapped_is_refused(
    catalog: Catalog, workdir: Path, columns: dict[str, object], arguments: tuple[str, ...], says: str
) -> None:
    write_table(workdir / "albums.csv", [usual(cells(demo_albums(1)[0]), **columns)])

    done = catalog(*DRY_RUN, *arguments)

    assert done.status == 2
    assert says in done.err


@pytest.mark.parametrize("arguments", [("--dry-run",), ("--preset", "discogs")])
def test_missing_embeddings_are_embedded_without_a_table(
    catalog: Catalog, arguments: tuple[str, ...]
) -> None:
    done = catalog("ingest", "--missing", *arguments)

    assert done.status == 2
    assert arguments[0] in done.err
