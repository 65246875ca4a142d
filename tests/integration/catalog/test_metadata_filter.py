"""The filter by metadata in both implementations: kinds of values, hostile keys, and its index."""

from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from benchmarks.recall.query_plans import PlanReader
from benchmarks.recall.searches import plans_of
from common.catalog.protocol import Catalog
from common.catalog.row_mapping import vector_literal
from common.errors import CatalogMisconfigured
from common.filters import Filters
from tests.integration.catalog.conftest import Opened
from tests.integration.catalog.known_catalog import ODD, KnownAlbums

QUERY = np.ones(512, dtype=np.float32)


def insert(url: str, *metadata: Any) -> None:
    """Insert albums; their ids are their places in the list."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO album_covers (id, embedding, metadata) VALUES (%s, %s::vector, %s)",
            [(str(n), vector_literal(QUERY), Jsonb(value)) for n, value in enumerate(metadata)],
        )


def found(opened: Opened, **wanted: str) -> list[str]:
    filters = Filters(metadata=tuple(sorted(wanted.items())))
    return [m.album.id for m in opened.catalog.search(QUERY, k=50, filters=filters)]


def test_texts_numbers_truth_values_and_elements_of_lists_match(writable: Opened) -> None:
    values = ["7", 7, 7.0, -7, [7, 8], ["7"], True, "true", False, None, {"a": "7"}, 70, "7.0", "seven"]
    insert(writable.database_url, *[{"x": value} for value in values], {"y": "7"}, {}, ["7"], "7")

    assert found(writable, x="7") == ["0", "1", "2", "4", "5"]
    assert found(writable, x="7.0") == ["1", "12", "2", "4"]
    assert found(writable, x="-7") == ["3"]
    assert found(writable, x="true") == ["6", "7"]
    assert found(writable, x="false") == ["8"]
    assert found(writable, x="null") == []


def test_several_keys_must_all_match(writable: Opened) -> None:
    insert(writable.database_url, {"a": "1", "b": "x"}, {"a": "1", "b": "y"}, {"a": "1"})

    assert found(writable, a="1", b="y") == ["1"]


def test_values_are_compared_in_the_given_case(writable: Opened) -> None:
    insert(writable.database_url, {"label": "Warp"}, {"label": "WARP"})

    assert found(writable, label="Warp") == ["0"]


@pytest.mark.parametrize(
    "text",
    [
        "a.b",
        "$",
        "*",
        "**",
        '"',
        '\\"',
        "\\",
        "\\u0000",
        "' || true || '",
        '" || true || "',
        "$.x == 1",
        "{}",
        "%1$s",
        "\N{MUSICAL SYMBOL G CLEF}",
        "x" * 500,
        "1e9999",
        "9" * 500,
        " ",
    ],
)
def test_special_characters_in_keys_and_values_are_literal(writable: Opened, text: str) -> None:
    insert(writable.database_url, {"x": "another", "another": "x"}, {text: text})

    assert found(writable, **{text: text}) == ["1"]
    assert found(writable, **{text: "another"}) == []
    assert found(writable, x=text) == []


def test_an_odd_key_and_value_are_found_among_the_known_albums(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.covers(1)

    matches = catalog.search(query, k=5, filters=Filters(metadata=((ODD, ODD),)))

    assert [match.album.id for match in matches] == ['q"uo,te{d}\\']


def test_details_are_returned_only_on_request(writable: Opened) -> None:
    large = '{"barcode": 123456789012345678901234567890}'
    with psycopg.connect(writable.database_url) as connection:
        connection.execute(
            "INSERT INTO album_covers (id, embedding, reviewer, metadata) "
            "VALUES ('a', %s::vector, 'Ann', %s)",
            [vector_literal(QUERY), large],
        )
    catalog = writable.catalog

    (plain,) = catalog.search(QUERY, k=1, filters=Filters())
    (detailed,) = catalog.search(QUERY, k=1, filters=Filters(), details=True)

    assert (plain.album.reviewer, plain.album.metadata) == (None, "{}")
    assert (detailed.album.reviewer, detailed.album.metadata) == ("Ann", large)
    assert (catalog.album("a").reviewer, catalog.album("a").metadata) == ("Ann", large)


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(metadata=(("label", "Label 7"),)), "album_covers_metadata"),
        (Filters(artists=("ARTIST 7",)), "album_covers_artist"),
    ],
    ids=["metadata", "artist"],
)
def test_a_selective_filter_reads_its_index(database_url: str, filters: Filters, index: str) -> None:
    insert(database_url, *[{"label": f"Label {n}"} for n in range(2000)])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE album_covers SET artist = 'Artist ' || id")
        connection.execute("ANALYZE album_covers")

        plans = plans_of(PlanReader(connection), QUERY.reshape(1, -1), k=10, filters=filters)

    assert plans.startswith("1 of 1: ")
    assert f"Index Scan {index}" in plans


def test_a_filter_that_the_schema_does_not_know_is_a_misconfiguration(
    writable: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "common.catalog.row_mapping.filters_document", lambda _: {"genre": [], "later_filter": "x"}
    )

    with pytest.raises(CatalogMisconfigured, match="later_filter") as raised:
        writable.catalog.search(QUERY, k=1, filters=Filters(genres=("Rock",)))

    assert raised.value.problem == "rpc_missing"
