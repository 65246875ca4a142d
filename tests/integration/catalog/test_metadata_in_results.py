"""Metadata that was written by SQL, in any form and size, in both implementations of the catalog."""

import json
from typing import Any

import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from catalog.ingest.columns.metadata_size import stored_bytes
from common.album_metadata import METADATA_MAX_BYTES
from common.catalog.row_mapping import vector_literal
from common.filters import Filters
from tests.integration.catalog.conftest import Opened

QUERY = np.ones(512, dtype=np.float32)

#: Values whose JSON text PostgreSQL writes in another form than Python.
VALUES: list[dict[str, object]] = [
    {},
    {"text": 'a "quoted" \\ \N{SNOWMAN} \N{MUSICAL SYMBOL G CLEF} / \x7f \x01 \t\n'},
    {"list": [1, 2.5, None, True, {"a": []}], "empty": {}},
    {"small": 1e-300, "large": 1.5e300, "exact": 1e16, "fraction": 0.1, "whole": 7.0, "negative": -2.5e-9},
    {"number": 2**64 - 1, "z": 1, "aa": 2, "b": 3},
]


def insert(url: str, *metadata: Any) -> None:
    """Insert albums whose metadata is JSON text; their ids are their places in the list."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO album_covers (id, embedding, metadata) VALUES (%s, %s::vector, %s::jsonb)",
            [(f"{n:02}", vector_literal(QUERY), text) for n, text in enumerate(metadata)],
        )


def test_values_that_are_not_objects_are_left_out_of_results(writable: Opened) -> None:
    texts = ['{"x": "7"}', '[{"x": "7"}]', '"7"', "7", "true", "null", None]
    insert(writable.database_url, *texts)
    omitted = [None, *["not_an_object"] * 4, None, None]

    matches = writable.catalog.search(QUERY, k=50, filters=Filters(), details=True)
    albums = [writable.catalog.album(match.album.id) for match in matches]

    assert [match.album.metadata for match in matches] == ['{"x": "7"}', *["{}"] * 6]
    assert [match.album.metadata_omitted for match in matches] == omitted
    assert [album.metadata_omitted for album in albums] == omitted


def test_a_filter_finds_the_objects_in_a_list(writable: Opened) -> None:
    insert(writable.database_url, '{"x": "7"}', '[{"x": "7"}]', '"7"', "7", "null", None)

    found = writable.catalog.search(QUERY, k=50, filters=Filters(metadata=(("x", "7"),)), details=True)

    assert [(m.album.id, m.album.metadata_omitted) for m in found] == [("00", None), ("01", "not_an_object")]


def test_metadata_beyond_the_bound_is_left_out_of_results(writable: Opened) -> None:
    exact = {"a": "x" * (METADATA_MAX_BYTES - len('{"a": ""}'))}
    larger = {"a": exact["a"] + "x", "label": "4AD"}
    deep = '{"a": ' + "[" * 1500 + "]" * 1500 + "}"
    insert(writable.database_url, json.dumps(exact), json.dumps(larger), deep)

    matches = writable.catalog.search(QUERY, k=50, filters=Filters(), details=True)
    plain = writable.catalog.search(QUERY, k=50, filters=Filters())
    filtered = writable.catalog.search(QUERY, k=50, filters=Filters(metadata=(("label", "4AD"),)))

    assert [match.album.metadata_omitted for match in matches] == [None, "too_large", "too_large"]
    assert [len(match.album.metadata) for match in matches] == [METADATA_MAX_BYTES, 2, 2]
    assert [match.album.metadata_omitted for match in plain] == [None] * 3
    assert [match.album.id for match in filtered] == ["01"]


def test_albums_that_are_found_by_name_come_without_metadata_and_reviewer(writable: Opened) -> None:
    insert(writable.database_url, '{"x": "7"}', json.dumps({"x": "a" * METADATA_MAX_BYTES}))
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("UPDATE album_covers SET artist = 'Ann', album_name = 'Blue', reviewer = 'Eva'")

    listed = writable.catalog.find_albums(None, limit=10).albums
    found = writable.catalog.find_albums("ann blue", limit=10).albums
    named = writable.catalog.search(QUERY, k=1, filters=Filters(), details=True, named="blue").named

    albums = [*(each.album for each in (*listed, *found)), *named]
    assert [album.id for album in albums] == ["00", "01"] * 3
    details = {(album.metadata, album.metadata_omitted, album.reviewer) for album in albums}
    assert details == {("{}", None, None)}


def test_an_ingest_measures_metadata_as_the_database_writes_it(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for value in VALUES:
            row = connection.execute("SELECT octet_length(%s::jsonb::text)", [Jsonb(value)]).fetchone()

            assert row == (stored_bytes(value),), value
