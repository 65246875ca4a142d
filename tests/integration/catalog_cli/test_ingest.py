"""An ingest writes valid rows, reports invalid rows, and repeats no work."""

import csv
import gzip
import io
import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from catalog.demo.albums import demo_albums
from common.redis import keyspace
from common.redis.clients import open_redis
from tests.integration.catalog_cli.conftest import (
    ALBUMS,
    Catalog,
    cells,
    has_index,
    read_notes,
    read_report,
    rows,
    write_table,
)
from tests.paths import DEMO_MODEL

INGEST = ("ingest", "albums.csv", "--covers", "covers")


def test_every_row_is_ingested_through_both_catalogs(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    done = catalog(*INGEST, "--cover-url", "/covers/{file}")

    assert done.status == 0, done.err
    assert f"{ALBUMS} written" in done.err
    albums = rows(database_url)
    assert len(albums) == ALBUMS
    first, found = demo_albums(1)[0], albums["demo-1967-00000"]
    assert (found["artist"], found["album_name"], found["genre"]) == (
        first.artist,
        first.album_name,
        first.genre,
    )
    assert found["release_year"] == first.release_year
    assert float(found["pitchfork_score"]) == first.pitchfork_score
    assert found["cover_url"] == "/covers/demo-1967-00000.jpg"
    assert found["metadata"] == {"caption": first.caption}


def test_a_second_run_changes_no_album_but_makes_a_new_version(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    with open_redis(catalog_settings["REDIS_URL"]) as redis:
        version = redis.get(keyspace.CATALOG_VERSION)

        done = catalog(*INGEST)

        assert redis.get(keyspace.CATALOG_VERSION) not in {None, version}
    assert done.status == 0
    assert f"0 written, {ALBUMS} unchanged" in done.err
    assert rows(database_url) == before


def test_only_changed_rows_are_written_again(catalog: Catalog, workdir: Path, database_url: str) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    table = [cells(album) for album in demo_albums(ALBUMS)]
    table[3]["genre"] = "Polka"
    write_table(workdir / "albums.csv", table)
    other = workdir / "covers" / "demo-1967-00007.jpg"
    other.write_bytes((workdir / "covers" / "demo-1967-00008.jpg").read_bytes())

    done = catalog(*INGEST)

    assert f"2 written, {ALBUMS - 2} unchanged" in done.err
    after = rows(database_url)
    assert {i for i in after if after[i] != before[i]} == {"demo-1967-00003", "demo-1967-00007"}
    assert after["demo-1967-00003"]["genre"] == "Polka"
    assert after["demo-1967-00007"]["embedding"] == after["demo-1967-00008"]["embedding"]


def recaptioned() -> list[dict[str, object]]:
    return [cells(album) | {"caption": f"new {album.caption}"} for album in demo_albums(ALBUMS)]


def test_a_changed_column_does_not_embed_the_cover_again(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    workdir: Path,
    database_url: str,
    embedded_covers: list[int],
) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    embedded_covers.clear()
    write_table(workdir / "albums.csv", recaptioned())

    done = catalog(*INGEST)
    again = catalog(*INGEST)

    assert f"{ALBUMS} written, 0 unchanged" in done.err
    assert f"0 written, {ALBUMS} unchanged" in again.err
    assert embedded_covers == []
    for album_id, row in rows(database_url).items():
        assert row["metadata"]["caption"].startswith("new ")
        kept = {"embedding", "artist", "release_year", "pitchfork_score", "cover_source", "cover_hash"}
        assert {name: row[name] for name in kept} == {name: before[album_id][name] for name in kept}


def test_an_album_without_a_stored_cover_hash_is_embedded_again(
    catalog: Catalog, workdir: Path, database_url: str, embedded_covers: list[int]
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET cover_hash = NULL")
    embedded_covers.clear()

    unchanged = catalog(*INGEST)
    unembedded = list(embedded_covers)
    write_table(workdir / "albums.csv", recaptioned())
    changed = catalog(*INGEST)

    assert f"0 written, {ALBUMS} unchanged" in unchanged.err
    assert unembedded == []
    assert f"{ALBUMS} written, 0 unchanged" in changed.err
    assert sum(embedded_covers) == ALBUMS
    assert all(row["cover_hash"] for row in rows(database_url).values())


def test_a_changed_row_that_the_catalog_refuses_fails_alone(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE album_covers ADD CHECK (metadata ->> 'caption' <> 'x')")
    table = recaptioned()
    table[9]["caption"] = "x"
    write_table(workdir / "albums.csv", table)

    done = catalog(*INGEST)

    assert done.status == 1
    assert f"{ALBUMS - 1} written" in done.err
    assert read_report(workdir / "albums-rejected.csv") == [(10, "refused_by_catalog")]


def test_bad_rows_and_covers_are_reported_and_do_not_stop_the_ingest(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    table = [cells(album) for album in demo_albums(ALBUMS)]
    table[1]["id"] = ""
    table[2]["artist"] = ""
    table[4]["id"] = table[0]["id"]
    write_table(workdir / "albums.csv", table)
    (workdir / "covers" / "demo-1967-00005.jpg").unlink()
    (workdir / "covers" / "demo-1967-00006.jpg").write_text("no image")
    whole = (workdir / "covers" / "demo-1967-00007.jpg").read_bytes()
    (workdir / "covers" / "demo-1967-00007.jpg").write_bytes(whole[: len(whole) // 4])

    done = catalog(*INGEST)

    assert done.status == 1
    assert sorted(read_report(workdir / "albums-rejected.csv")) == [
        (2, "invalid_field"),
        (3, "invalid_field"),
        (5, "duplicate_id"),
        (6, "missing_cover"),
        (7, "unsupported_image"),
        (8, "undecodable_image"),
    ]
    assert len(rows(database_url)) == ALBUMS - 6


def dirty_table() -> list[dict[str, object]]:
    """Return a table with four invalid optional cells, and some valid cells that are easily misread."""
    table = [cells(album) for album in demo_albums(ALBUMS)]
    table[1] |= {"release_year": "late", "pitchfork_score": 11}
    table[2] |= {"best_new_music": "perhaps", "artist": "Null"}
    table[3] |= {"caption": "a\x00b", "artist": "Simon &amp; Garfunkel"}
    table[4] |= {
        "release_year": "1972/2012",
        "pitchfork_score": "8,7",
        "best_new_music": "1.0",
        "genre": "N/A",
    }
    return table


def test_an_invalid_cell_of_an_optional_column_is_left_empty_and_noted(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    write_table(workdir / "albums.csv", dirty_table())

    done = catalog(*INGEST)
    again = catalog(*INGEST)

    assert (done.status, again.status) == (1, 1)
    assert f"{ALBUMS} written, 0 unchanged, 0 rejected" in done.err
    assert f"0 written, {ALBUMS} unchanged, 0 rejected" in again.err
    assert "1 release_year: not_a_year, such as row 2: not a year: 'late'" in done.err
    assert "all of them are in albums-notes.csv" in done.err
    assert not (workdir / "albums-rejected.csv").exists()
    assert sorted(read_notes(workdir / "albums-notes.csv")) == [
        (2, "pitchfork_score", "score_out_of_range"),
        (2, "release_year", "not_a_year"),
        (3, "best_new_music", "not_a_boolean"),
        (4, "caption", "not_storable"),
    ]
    albums = rows(database_url)
    second, third, fourth, fifth = (albums[f"demo-1967-0000{n}"] for n in (1, 2, 3, 4))
    assert (second["release_year"], second["pitchfork_score"]) == (None, None)
    assert (third["best_new_music"], third["artist"]) == (False, "Null")
    assert (fourth["metadata"], fourth["artist"]) == ({}, "Simon & Garfunkel")
    assert (fifth["release_year"], float(fifth["pitchfork_score"])) == (1972, 8.7)
    assert (fifth["best_new_music"], fifth["genre"]) == (True, None)


def test_strict_mode_rejects_a_row_with_an_invalid_cell(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    write_table(workdir / "albums.csv", dirty_table())

    done = catalog(*INGEST, "--strict")

    assert done.status == 1
    assert sorted(read_report(workdir / "albums-rejected.csv")) == [
        (2, "invalid_field"),
        (3, "invalid_field"),
        (4, "unreadable_row"),
    ]
    assert not (workdir / "albums-notes.csv").exists()
    assert len(rows(database_url)) == ALBUMS - 3


def test_the_position_of_a_row_is_not_part_of_its_data(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    table = [cells(album) for album in demo_albums(ALBUMS)]
    # The tables `albums.csv` and `turned.csv` have an index column, as pandas writes it; the rows of the
    # second table are in reverse order.
    write_table(workdir / "albums.csv", [{"": n} | row for n, row in enumerate(table)])
    write_table(workdir / "turned.csv", [{"": n} | row for n, row in enumerate(reversed(table))])

    first = catalog(*INGEST)
    second = catalog("ingest", "turned.csv", "--covers", "covers")

    assert "columns without a name are left out: Unnamed: 0" in first.err
    assert f"{ALBUMS} written" in first.err
    assert f"0 written, {ALBUMS} unchanged" in second.err
    assert rows(database_url)["demo-1967-00000"]["metadata"].keys() == {"caption"}


def test_notes_are_written_next_to_a_named_report(catalog: Catalog, workdir: Path) -> None:
    write_table(workdir / "albums.csv", dirty_table())

    catalog(*INGEST, "--report", "bad.jsonl")

    assert not (workdir / "bad.jsonl").exists()
    notes = [json.loads(line) for line in (workdir / "bad-notes.jsonl").read_text().splitlines()]
    assert len(notes) == 4
    assert {note["id"] for note in notes} == {"demo-1967-00001", "demo-1967-00002", "demo-1967-00003"}


def test_undecodable_rows_are_rejected_alone(catalog: Catalog, workdir: Path, database_url: str) -> None:
    lines = (workdir / "albums.csv").read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b",", b"\xff\xfe,", 1)
    lines[3] = lines[3].rstrip() + b",one,too,many\r\n"
    lines[4] = lines[4].replace(b",", b"\x00,", 1)
    (workdir / "albums.csv").write_bytes(b"".join(lines))

    done = catalog(*INGEST, "--report", "bad.jsonl")

    assert done.status == 1
    report = [json.loads(line) for line in (workdir / "bad.jsonl").read_text().splitlines()]
    assert sorted((entry["row"], entry["reason"]) for entry in report) == [
        (2, "unreadable_row"),
        (3, "unreadable_row"),
        (4, "unreadable_row"),
    ]
    assert len(rows(database_url)) == ALBUMS - 3


def test_a_row_that_the_catalog_refuses_is_rejected_alone(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    table = [cells(album) for album in demo_albums(ALBUMS)]
    table[9]["caption"] = "x"
    write_table(workdir / "albums.csv", table)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE album_covers ADD CHECK (metadata ->> 'caption' <> 'x')")

    done = catalog(*INGEST)

    assert done.status == 1
    assert read_report(workdir / "albums-rejected.csv") == [(10, "refused_by_catalog")]
    assert len(rows(database_url)) == ALBUMS - 1


@pytest.mark.parametrize(
    ("name", "read_as"),
    [
        ("same.jsonl", "JSON Lines"),
        ("same.json", "a JSON array"),
        ("same.json.gz", "a JSON array, gzip"),
        ("same.parquet", "Parquet"),
        ("same.csv", "CSV with semicolons"),
        ("same.tsv.gz", "CSV with tabs, gzip"),
    ],
)
def test_every_table_format_gives_the_same_catalog(
    catalog: Catalog, workdir: Path, database_url: str, name: str, read_as: str
) -> None:
    catalog(*INGEST)
    table = [cells(album) for album in demo_albums(ALBUMS)]
    if name.endswith("parquet"):
        parquet.write_table(pa.Table.from_pylist(table), workdir / name)
    else:
        lines = "\n".join(json.dumps(row) for row in table)
        separator = ";" if ".csv" in name else "\t"
        text = {"json": json.dumps(table), "jsonl": lines}.get(name.split(".")[1]) or separated(
            table, separator
        )
        (workdir / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())

    done = catalog("ingest", name, "--covers", "covers")

    assert done.status == 0, done.err
    assert f"{name}: read as {read_as}, {ALBUMS} rows" in done.err
    assert f"0 written, {ALBUMS} unchanged" in done.err
    assert list(workdir.glob("same-*.csv")) == []


def separated(table: list[dict[str, object]], separator: str) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, table[0], delimiter=separator)
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".JFIF"])
@pytest.mark.parametrize(("table_form", "file_form"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_cover_is_found_by_id_in_every_spelling_of_its_file_name(
    catalog: Catalog,
    workdir: Path,
    database_url: str,
    suffix: str,
    table_form: Literal["NFC", "NFD"],
    file_form: Literal["NFC", "NFD"],
) -> None:
    ids = {"Bj\u00f6rk \u1e69": "Bj\u00f6rk \u1e69", "AC/DC": "AC%2FDC", 'Who? "Me": 1': "Who_ _Me__ 1"}
    cover = (workdir / "covers" / "demo-1967-00000.jpg").read_bytes()
    for stem in ids.values():
        (workdir / "covers" / f"{unicodedata.normalize(file_form, stem)}{suffix}").write_bytes(cover)
    write_table(
        workdir / "named.csv",
        [{"id": unicodedata.normalize(table_form, i), "artist": "A", "album_name": "B"} for i in ids],
    )

    done = catalog("ingest", "named.csv", "--covers", "covers")

    assert done.status == 0, done.err
    assert f"{len(ids)} written" in done.err
    assert {unicodedata.normalize("NFC", album_id) for album_id in rows(database_url)} == set(ids)


def test_an_ambiguous_cover_is_noted(catalog: Catalog, workdir: Path, database_url: str) -> None:
    cover = (workdir / "covers" / "demo-1967-00000.jpg").read_bytes()
    (workdir / "covers" / "demo-1967-00001.PNG").write_bytes(cover)

    done = catalog(*INGEST)

    assert done.status == 1
    assert f"{ALBUMS} written" in done.err
    assert read_notes(workdir / "albums-notes.csv") == [(2, "cover", "several_covers")]
    assert rows(database_url)["demo-1967-00001"]["cover_source"] == "demo-1967-00001.jpg"


def test_an_album_with_an_undecodable_new_cover_keeps_the_old_one(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    table = recaptioned()
    write_table(workdir / "albums.csv", table)
    (workdir / "covers" / "demo-1967-00003.jpg").write_text("no picture")
    (workdir / "covers" / "demo-1967-00004.jpg").unlink()

    done = catalog(*INGEST)

    assert f"{ALBUMS} written, 0 unchanged, 0 rejected" in done.err
    assert not (workdir / "albums-rejected.csv").exists()
    assert sorted(read_notes(workdir / "albums-notes.csv")) == [
        (4, "cover", "unsupported_image"),
        (5, "cover", "missing_cover"),
    ]
    after = rows(database_url)
    for album_id in ("demo-1967-00003", "demo-1967-00004"):
        assert after[album_id]["embedding"] == before[album_id]["embedding"]
        assert after[album_id]["cover_hash"] == before[album_id]["cover_hash"]
        assert after[album_id]["metadata"]["caption"].startswith("new ")


def test_columns_with_other_names_can_be_mapped(catalog: Catalog, workdir: Path, database_url: str) -> None:
    (workdir / "other.csv").write_text(
        "nr,band,title,file,label\n1,A,B,demo-1967-00000.jpg,4AD\n2,C,D,demo-1967-00001.jpg,\n"
    )
    mapping = ["id=nr", "artist=band", "album_name=title", "cover=file"]

    done = catalog("ingest", "other.csv", "--covers", "covers", *(a for m in mapping for a in ("--map", m)))

    assert done.status == 0, done.err
    albums = rows(database_url)
    assert {(a["id"], a["artist"], a["cover_source"]) for a in albums.values()} == {
        ("1", "A", "demo-1967-00000.jpg"),
        ("2", "C", "demo-1967-00001.jpg"),
    }
    assert albums["1"]["metadata"] == {"label": "4AD"}
    assert albums["2"]["metadata"] == {}


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({}, "clients of the service can read all of it, and filter by it (setting PUBLIC_METADATA)"),
        ({"PUBLIC_METADATA": "label"}, "can read, and filter by, only these keys: label (setting"),
        ({"PUBLIC_METADATA": ""}, "cannot read it, nor filter by it (setting PUBLIC_METADATA)"),
    ],
)
def test_an_ingest_says_which_columns_clients_can_read(
    catalog: Catalog, workdir: Path, setting: dict[str, str], says: str
) -> None:
    (workdir / "labels.csv").write_text(
        "id,artist,album_name,cover,label,price\n1,A,B,demo-1967-00000.jpg,4AD,7\n"
    )

    done = catalog("ingest", "labels.csv", "--covers", "covers", **setting)

    assert done.status == 0, done.err
    assert "stored as metadata: label, price\n" in done.err
    assert says in done.err.replace("\n", " ")


def test_an_album_with_too_much_metadata_is_rejected_with_its_row_and_size(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    (workdir / "notes.csv").write_text(
        "id,artist,album_name,cover,notes\n"
        "1,A,B,demo-1967-00000.jpg,short\n"
        f"2,C,D,demo-1967-00001.jpg,{'x' * 20_000}\n"
    )

    done = catalog("ingest", "notes.csv", "--covers", "covers")

    assert done.status == 1
    assert "1 metadata_too_large" in done.err
    assert [album["id"] for album in rows(database_url).values()] == ["1"]
    (rejected,) = csv.DictReader((workdir / "notes-rejected.csv").read_text().splitlines())
    assert (rejected["row"], rejected["id"], rejected["reason"]) == ("2", "2", "metadata_too_large")
    assert "20013 bytes of JSON, and 16384 are allowed; the largest part is 'notes'" in rejected["detail"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("albums.csv", "--covers", "nowhere"), "neither a folder nor a column"),
        (("albums.csv", "--covers", "covers", "--map", "artist=band"), "no such column"),
        (("albums.csv", "--covers", "covers", "--map", "singer=artist"), "no such field"),
        (("albums.xls", "--covers", "covers"), ".csv"),
        (("none.csv", "--covers", "covers"), "no such file"),
    ],
)
def test_invalid_arguments_are_refused_before_the_ingest(
    catalog: Catalog, database_url: str, arguments: tuple[str, ...], says: str
) -> None:
    done = catalog("ingest", *arguments)

    assert done.status == 2
    assert says in done.err
    assert rows(database_url) == {}


def test_a_cover_outside_the_folder_is_not_read(catalog: Catalog, workdir: Path) -> None:
    (workdir / "secret.jpg").write_bytes((workdir / "covers" / "demo-1967-00000.jpg").read_bytes())
    (workdir / "covers" / "link.jpg").symlink_to(workdir / "secret.jpg")
    (workdir / "sly.csv").write_text(
        f"id,artist,album_name,cover\n1,A,B,../secret.jpg\n2,A,B,{workdir}/secret.jpg\n3,A,B,link.jpg\n"
    )

    done = catalog("ingest", "sly.csv", "--covers", "covers")

    assert done.status == 1
    assert read_report(workdir / "sly-rejected.csv") == [(n, "cover_refused") for n in (1, 2, 3)]


def test_a_catalog_of_another_model_is_refused(catalog: Catalog, database_url: str) -> None:
    catalog(*INGEST)
    before = rows(database_url)

    done = catalog(*INGEST, ENCODER="openvino", CLIP_MODEL=str(DEMO_MODEL))

    assert done.status == 2
    assert "model_mismatch" in done.err
    assert rows(database_url) == before


def test_an_ingest_without_redis_warns_and_completes(catalog: Catalog, database_url: str) -> None:
    nobody = "redis://127.0.0.1:1/0"

    warned = catalog(*INGEST, REDIS_URL=nobody)
    silent = catalog(*INGEST, "--keep-cache", REDIS_URL=nobody)

    assert warned.status == silent.status == 0
    assert len(rows(database_url)) == ALBUMS
    assert "gateways notice the change by themselves" in warned.err
    assert "gateways" not in silent.err


def test_only_a_first_load_builds_the_index(catalog: Catalog, database_url: str) -> None:
    first = catalog(*INGEST)
    second = catalog(*INGEST)

    assert f"indexed {ALBUMS} albums" in first.err
    assert "indexed" not in second.err
    assert has_index(database_url)
