"""No answer outlives its data: a change of the catalog is visible in the next answers."""

import subprocess
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from local.servers.postgres import find_binaries
from tests.integration.freshness.conftest import ALBUMS, MARKER, ServiceUnderTest
from tests.polling import eventually

PATHS = {
    "text": "/api/search-by-text?query=red&k=50",
    "album": "/api/albums/1/similar?k=50",
}


def search(service: ServiceUnderTest, path: str, **headers: str) -> httpx.Response:
    return service.client.get(path, headers=headers)


def marker(answer: httpx.Response) -> str | None:
    """Return the artist of the changed album in an answer."""
    found = {album["id"]: album["artist"] for album in answer.raise_for_status().json()["results"]}
    return found.get(MARKER)


def composed(service: ServiceUnderTest) -> httpx.Response:
    return service.client.post("/api/search", json={"parts": [{"album_id": "1"}, {"text": "red"}], "k": 50})


ARRIVALS = {
    "plain SQL": "UPDATE album_covers SET artist = 'new' WHERE id = 'marker'",
    "many transactions": "DELETE FROM album_covers WHERE id = '7'; DELETE FROM album_covers WHERE id = '8'; "
    "UPDATE album_covers SET artist = 'new'",
    "one transaction": "BEGIN; CREATE TEMP TABLE kept AS TABLE album_covers; TRUNCATE album_covers; "
    "INSERT INTO album_covers SELECT * FROM kept; UPDATE album_covers SET artist = 'new'; COMMIT",
    "a replica's session": "SET session_replication_role = replica; UPDATE album_covers SET artist = 'new'",
    "triggers switched off": "ALTER TABLE album_covers DISABLE TRIGGER ALL; "
    "UPDATE album_covers SET artist = 'new'; ALTER TABLE album_covers ENABLE TRIGGER ALL",
}


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_answers_change_with_the_data(service: ServiceUnderTest, arrival: str) -> None:
    for path in PATHS.values():
        search(service, path)
    cached = [search(service, path) for path in PATHS.values()]
    composed(service)

    service.run(ARRIVALS[arrival])

    eventually(lambda: {marker(search(service, path)) for path in PATHS.values()} == {"new"})
    assert marker(composed(service)) == "new"
    for before, path in zip(cached, PATHS.values(), strict=True):
        assert before.headers["x-cache"] == "hit"
        assert marker(before) == "0"
        # A client that sends the ETag of the earlier answer must not get a 304.
        assert search(service, path, **{"If-None-Match": before.headers["etag"]}).status_code == 200


def test_genres_stats_and_albums_change_with_the_data(service: ServiceUnderTest) -> None:
    get = service.client.get
    before = [get(path).json() for path in ("/api/genres", "/api/stats", "/api/albums/marker")]

    service.run(
        "UPDATE album_covers SET genre = 'Rock', artist = 'new' WHERE id = 'marker'; "
        "DELETE FROM album_covers WHERE id = '1'"
    )

    eventually(lambda: get("/api/genres").json()["genres"] == ["Rock"])
    assert get("/api/stats").json()["total_albums"] == before[1]["total_albums"] - 1
    assert get("/api/albums/marker").json()["artist"] == "new"
    assert get("/api/albums/1").status_code == 404
    assert get("/api/search-by-text?query=red&genre=rock").json()["total_results"] == 1


def test_names_facets_and_pages_change_with_the_data(service: ServiceUnderTest) -> None:
    def get(path: str) -> Any:
        return service.client.get(path).raise_for_status().json()

    def answers() -> dict[str, object]:
        counted, searched = get("/api/facets?artist=Old"), get("/api/search-by-text?query=red&facets=true")
        pages = [get(f"/api/search-by-text?query=red&k=10&offset={offset}") for offset in (0, 10)]
        return {
            "named": [album["id"] for album in get("/api/search-by-text?query=old+title&k=1")["named"]],
            "found by name": [album["id"] for album in get("/api/albums?q=old+title")["albums"]],
            "facets": (get("/api/facets")["total_albums"], counted["total_albums"]),
            "facets of a search": searched["facets"]["genres"],
            "on a page": any(album["id"] == MARKER for page in pages for album in page["results"]),
        }

    rest = ALBUMS - 1
    service.run(
        f"UPDATE album_covers SET artist = 'Old', album_name = 'Title', genre = 'Rock' WHERE id = '{MARKER}'"
    )
    expected = {
        "named": [MARKER],
        "found by name": [MARKER],
        "facets": (ALBUMS, 1),
        "facets of a search": [{"genre": None, "count": rest}, {"genre": "Rock", "count": 1}],
        "on a page": True,
    }
    eventually(lambda: answers() == expected, describe=answers)
    assert answers() == expected

    service.run(f"DELETE FROM album_covers WHERE id = '{MARKER}'")
    service.until_seen()

    assert answers() == {
        "named": [],
        "found by name": [],
        "facets": (rest, 0),
        "facets of a search": [{"genre": None, "count": rest}],
        "on a page": False,
    }


def test_a_search_of_an_empty_catalog_does_not_hide_later_data(service: ServiceUnderTest) -> None:
    service.run("TRUNCATE album_covers")
    service.until_seen()
    empty = [search(service, PATHS["text"]) for _ in range(2)]

    _copy(service.database_url, "late")

    eventually(lambda: marker(search(service, PATHS["text"])) == "late")
    assert [answer.headers["x-cache"] for answer in empty] == ["miss", "hit"]
    assert empty[1].json()["total_results"] == 0


def test_a_restored_dump_is_visible_despite_cached_answers(service: ServiceUnderTest, tmp_path: Path) -> None:
    search(service, PATHS["text"])
    _client(
        "pg_dump", service, "--data-only", "--table=album_covers", "--format=custom", f"--file={tmp_path}/d"
    )
    service.run("UPDATE album_covers SET artist = 'between'")
    eventually(lambda: marker(search(service, PATHS["text"])) == "between")

    service.run("DELETE FROM album_covers")
    _client("pg_restore", service, "--data-only", "--disable-triggers", f"{tmp_path}/d")

    eventually(lambda: marker(search(service, PATHS["text"])) == "0")


def test_an_answer_that_waited_for_a_refresh_is_complete(service: ServiceUnderTest) -> None:
    with psycopg.connect(service.database_url) as refreshing:
        refreshing.execute("CREATE TEMP TABLE kept AS TABLE album_covers")
        refreshing.execute("TRUNCATE album_covers")
        accepted = search(service, PATHS["text"] + "&wait=0")
        eventually(lambda: _waits_for_albums(service))
        refreshing.execute("INSERT INTO album_covers SELECT * FROM kept")
        refreshing.commit()

    job = service.client.get(accepted.headers["location"], params={"wait": 15}).json()

    assert job["status"] == "succeeded"
    assert MARKER in {album["id"] for album in job["result"]["results"]}


def _waits_for_albums(service: ServiceUnderTest) -> bool:
    with psycopg.connect(service.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE NOT granted AND datname = current_database()"
        ).fetchone()
    return row is not None and row[0] > 0


def _copy(url: str, artist: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        vector = "[" + ",".join(["1"] + ["0"] * 511) + "]"
        with cursor.copy("COPY album_covers (id, embedding, artist) FROM STDIN") as copy:
            copy.write_row((MARKER, vector, artist))


def _client(program: str, service: ServiceUnderTest, *arguments: str) -> None:
    command = [str(find_binaries() / program), f"--dbname={service.database_url}", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)
