"""Covers are fetched once, at their host's rate, and without harm to existing albums."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from catalog.demo.albums import demo_albums
from tests.cover_server import CoverServer, Limit, answer, cover_server
from tests.integration.catalog_cli.conftest import (
    ALBUMS,
    Catalog,
    cells,
    read_notes,
    rows,
    write_table,
)
from tests.paths import DEMO_MODEL

INGEST = ("ingest", "albums.csv", "--covers", "image", "--allow-private", "--per-host", "500")


@pytest.fixture
def server(workdir: Path) -> Iterator[CoverServer]:
    """A server of covers; the operator's table has a column with the covers' URLs."""
    with cover_server() as server:
        server.covers |= {f"/{file.name}": file.read_bytes() for file in (workdir / "covers").iterdir()}
        write_table(workdir / "albums.csv", addressed(server))
        yield server


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ingest.covers.fetch.fetcher.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("catalog.ingest.covers.fetch.host_rate_limits.FIRST_WAIT_S", 0.02)


def addressed(server: CoverServer, **changes: object) -> list[dict[str, object]]:
    return [
        cells(album) | {"image": f" {server.url(f'/{album.id}.jpg')} "} | changes
        for album in demo_albums(ALBUMS)
    ]


def paths(server: CoverServer) -> list[str]:
    """Return the paths requested from the server since the last call."""
    asked = [one.path for one in server.asked]
    server.asked.clear()
    return asked


def test_two_hundred_covers_of_a_rate_limited_host_arrive_in_one_run(
    catalog: Catalog, workdir: Path, server: CoverServer, database_url: str
) -> None:
    names = sorted(server.covers)
    albums = [
        {"id": str(n), "artist": "A", "album_name": str(n), "image": server.url(names[n % ALBUMS])}
        for n in range(200)
    ]
    write_table(workdir / "albums.csv", albums)
    server.limit = Limit(10, 0.1, status=503)

    done = catalog(*INGEST)

    assert done.status == 0, done.err
    assert "200 written, 0 unchanged, 0 rejected" in done.err
    assert len(rows(database_url)) == 200


def test_a_second_run_fetches_only_missing_covers(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    workdir: Path,
    server: CoverServer,
    database_url: str,
) -> None:
    missing = {f"/demo-1967-{n:05}.jpg": server.covers.pop(f"/demo-1967-{n:05}.jpg") for n in (3, 4, 5)}

    first = catalog(*INGEST)
    asked_first = paths(server)
    server.covers |= missing
    second = catalog(*INGEST)
    asked_second = paths(server)
    third = catalog(*INGEST)

    assert f"{ALBUMS - 3} written, 0 unchanged, 3 rejected" in first.err
    assert len(asked_first) == ALBUMS
    assert f"3 written, {ALBUMS - 3} unchanged, 0 rejected" in second.err
    assert sorted(asked_second) == sorted(missing)
    assert f"{ALBUMS - 3} covers have the address that they were fetched from before" in second.err
    assert (second.status, third.status) == (0, 0)
    assert paths(server) == []
    kept = rows(database_url)["demo-1967-00000"]
    assert kept["cover_source"] == server.url("/demo-1967-00000.jpg")
    assert kept["cover_etag"].startswith('"')
    assert kept["cover_last_modified"].endswith(" GMT")


def test_a_changed_row_is_written_without_fetching_its_cover(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    workdir: Path,
    server: CoverServer,
    database_url: str,
) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    paths(server)
    write_table(workdir / "albums.csv", addressed(server, genre="Polka"))

    done = catalog(*INGEST)

    assert f"{ALBUMS} written, 0 unchanged, 0 rejected" in done.err
    assert paths(server) == []
    after = rows(database_url)
    assert {album["genre"] for album in after.values()} == {"Polka"}
    for name in ("embedding", "cover_hash", "cover_source", "cover_etag", "cover_last_modified"):
        assert {i: album[name] for i, album in after.items()} == {
            i: album[name] for i, album in before.items()
        }


def test_a_recheck_downloads_only_changed_covers(
    catalog: Catalog, catalog_settings: Mapping[str, str], server: CoverServer, database_url: str
) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    server.asked.clear()
    server.covers["/demo-1967-00007.jpg"] = server.covers["/demo-1967-00008.jpg"]

    done = catalog(*INGEST, "--recheck-covers")

    assert f"1 written, {ALBUMS - 1} unchanged, 0 rejected" in done.err
    assert sorted(server.statuses()) == [200] + [304] * (ALBUMS - 1)
    after = rows(database_url)
    assert {i for i in after if after[i] != before[i]} == {"demo-1967-00007"}
    assert after["demo-1967-00007"]["embedding"] == before["demo-1967-00008"]["embedding"]
    assert after["demo-1967-00007"]["cover_etag"] == before["demo-1967-00008"]["cover_etag"]


def test_a_recheck_of_a_host_without_validators_compares_the_covers(
    catalog: Catalog, server: CoverServer, database_url: str
) -> None:
    server.validators = False
    catalog(*INGEST)
    server.asked.clear()

    without = catalog(*INGEST, "--recheck-covers")
    server.validators = True
    learnt = catalog(*INGEST, "--recheck-covers")
    server.asked.clear()
    with_them = catalog(*INGEST, "--recheck-covers")

    for done in (without, learnt, with_them):
        assert f"0 written, {ALBUMS} unchanged, 0 rejected" in done.err
    # The first run stored the new ETags of the host, although nothing else had changed.
    assert server.statuses() == [304] * ALBUMS


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("gone", "cover_unreachable"),
        ("limited", "cover_unreachable"),
        ("a page", "cover_unreachable"),
        ("no picture", "unsupported_image"),
    ],
)
def test_existing_albums_are_never_rejected_for_their_covers(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    workdir: Path,
    server: CoverServer,
    database_url: str,
    harm: str,
    reason: str,
) -> None:
    catalog(*INGEST)
    before = rows(database_url)
    # In the new table, every row and every URL has changed.
    moved = [
        row | {"image": server.url(f"/new/{row['id']}.jpg"), "genre": "Polka"} for row in addressed(server)
    ]
    write_table(workdir / "albums.csv", moved)
    for row in moved:
        path = f"/new/{row['id']}.jpg"
        if harm == "limited":
            server.answers[path] = answer(b"", status=429, headers={"Retry-After": "3600"})
        elif harm == "a page":
            server.answers[path] = answer(b"<html>", headers={"Content-Type": "text/html"})
        elif harm == "no picture":
            server.covers[path] = b"no picture"

    done = catalog(*INGEST)

    assert done.status == 1
    assert f"{ALBUMS} written, 0 unchanged, 0 rejected" in done.err
    assert not (workdir / "albums-rejected.csv").exists()
    assert {(column, why) for _, column, why in read_notes(workdir / "albums-notes.csv")} == {
        ("cover", reason)
    }
    after = rows(database_url)
    for album_id, album in after.items():
        assert album["genre"] == "Polka"
        for name in ("embedding", "cover_hash", "cover_source"):
            assert album[name] == before[album_id][name]
    # The next ingest tries the new URLs again.
    server.answers.clear()
    server.covers |= {f"/new{path}": cover for path, cover in server.covers.items() if path.count("/") == 1}
    assert f"{ALBUMS} written" in catalog(*INGEST).err


def test_an_existing_album_without_ingest_metadata_is_not_rejected(
    catalog: Catalog, workdir: Path, server: CoverServer, database_url: str
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE album_covers SET content_hash = NULL, cover_hash = NULL, cover_source = NULL"
        )
    before = rows(database_url)
    server.covers.clear()

    done = catalog(*INGEST)

    assert f"0 written, {ALBUMS} unchanged, 0 rejected" in done.err
    assert len(read_notes(workdir / "albums-notes.csv")) == ALBUMS
    assert rows(database_url) == before


def test_a_stalled_host_does_not_delay_others(
    catalog: Catalog, workdir: Path, server: CoverServer, database_url: str
) -> None:
    with cover_server() as slow:
        # The slow host answers only after the other host has answered all its requests.
        others_done = threading.Event()

        def wait(handler: object) -> None:
            assert others_done.wait(100)
            slow.answers["/x.jpg"] = answer(server.covers["/demo-1967-00000.jpg"])
            slow.answers["/x.jpg"](handler)  # type: ignore[arg-type]

        slow.answers["/x.jpg"] = wait
        first = [
            {"id": f"x{n}", "artist": "A", "album_name": "B", "image": slow.url("/x.jpg")} for n in range(100)
        ]
        then = [
            {name: row[name] for name in ("id", "artist", "album_name", "image")} for row in addressed(server)
        ]
        write_table(workdir / "albums.csv", [*first, *then])
        watch = threading.Thread(target=lambda: _when_asked(server, ALBUMS, others_done))
        watch.start()

        done = catalog(*INGEST)

        watch.join()
    assert f"{ALBUMS + 100} written" in done.err


def _when_asked(server: CoverServer, times: int, done: threading.Event) -> None:
    for _ in range(10_000):
        if len(server.asked) >= times:
            break
        server.stopping.wait(0.01)
    done.set()


def test_requests_have_the_configured_user_agent(catalog: Catalog, server: CoverServer) -> None:
    catalog(*INGEST, FETCH_USER_AGENT="shop/2", FETCH_CONTACT="covers@example.org")

    assert {asked.headers["User-Agent"] for asked in server.asked} == {"shop/2 (covers@example.org)"}


@pytest.mark.parametrize("changes", [{"FETCH_CONTACT": "a\nb"}, {"FETCH_USER_AGENT": "caf\u00e9"}])
def test_a_user_agent_that_no_header_can_hold_is_refused(
    catalog: Catalog, server: CoverServer, changes: dict[str, str]
) -> None:
    done = catalog(*INGEST, **changes)

    assert done.status == 2
    assert next(iter(changes)) in done.err
    assert server.asked == []


def test_an_invalid_rate_is_refused(catalog: Catalog, server: CoverServer) -> None:
    with pytest.raises(SystemExit):
        catalog(*INGEST, "--per-host", "fast")


def test_reembedding_keeps_the_rate_of_a_host(
    catalog: Catalog, server: CoverServer, database_url: str
) -> None:
    catalog(*INGEST)
    server.asked.clear()
    server.limit = Limit(5, 0.1)

    done = catalog(
        "reembed", "--model", str(DEMO_MODEL), "--allow-private", "--per-host", "500", ENCODER="openvino"
    )

    assert done.status == 0, done.err
    assert server.statuses().count(200) == ALBUMS
    # The stored ETags of the covers are kept.
    assert all(album["cover_etag"] for album in rows(database_url).values())
