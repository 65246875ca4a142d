"""Covers are found by the ids of releases, through MusicBrainz and the Cover Art Archive, by their rules."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, rows, write_table
from tests.release_services import Fault, ReleaseServices, hang, mbid_of, refuse, release_services

INGEST = ("ingest", "albums.csv", "--allow-private", "--per-host", "500")
ROWS = 200


@pytest.fixture
def services() -> Iterator[ReleaseServices]:
    with release_services() as server:
        yield server


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = "catalog.ingest.covers.fetch"
    monkeypatch.setattr(f"{fetch}.fetcher.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(f"{fetch}.fetcher._TIMEOUTS", {"connect": 5.0, "read": 2.0, "write": 5.0})
    monkeypatch.setattr(f"{fetch}.host_rate_limits.FIRST_WAIT_S", 0.02)


def exported(number: int) -> dict[str, object]:
    """Return a row of Discogs' export of a collection."""
    return {
        "Catalog#": f"CAT {number}",
        "Artist": f"Artist {number} (2)",
        "Title": f"Title {number}",
        "Label": "Sub Pop (2)",
        "Format": "LP, Album",
        "Rating": number % 6,
        "Released": 1990 + number % 30,
        "release_id": number,
        "CollectionFolder": "Uncategorized",
        "Date Added": "2024-03-03 10:00:00",
        "Collection Media Condition": "Mint (M)",
        "Collection Sleeve Condition": "",
        "Collection Notes": "",
    }


def drawn_cover(workdir: Path, number: int) -> bytes:
    return (workdir / "covers" / f"demo-1967-{number % ALBUMS:05}.jpg").read_bytes()


def reasons(workdir: Path) -> dict[str, str]:
    """Return the reason of each rejected row by the row's id."""
    with (workdir / "albums-rejected.csv").open(newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def test_exactly_the_known_releases_of_a_collection_resolve(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    # Of 200 rows, MusicBrainz knows 150, and the archive has covers of 120. One in ten of the known releases
    # is linked to two MusicBrainz releases, only the second of which has a cover.
    write_table(workdir / "albums.csv", [exported(number) for number in range(1, ROWS + 1)])
    for number in range(1, 151):
        mbids = sorted(mbid_of(f"{number} {part}") for part in range(2 if number % 10 == 0 else 1))
        services.releases[number] = mbids
        if number <= 120:
            services.covers[f"release/{mbids[-1]}"] = drawn_cover(workdir, number)
    services.ended = {7}
    services.musicbrainz_faults = [refuse(503, "1"), refuse(429), hang]
    faults: tuple[list[Fault], ...] = (
        [refuse(429, "1")],
        [refuse(503)],
        [hang],
        [refuse(500)],
        [refuse(503, "1"), hang],
        [refuse(429), refuse(429), refuse(429)],
    )
    for number, answers in enumerate(faults, start=11):
        services.archive_faults[f"release/{services.releases[number][0]}"] = answers

    done = catalog(*INGEST, **services.settings())

    resolved = {f"discogs-{number}" for number in range(1, 121) if number != 7}
    albums = rows(database_url)
    assert set(albums) == resolved
    assert done.status == 1
    assert f"{len(resolved)} written, 0 unchanged, {ROWS - len(resolved)} rejected" in done.err
    assert Counter(reasons(workdir).values()) == {"unknown_release": 51, "missing_cover": 30}
    assert services.too_fast == 0
    assert services.agents == {"cover-search (collector@example.org)"}
    # Two requests of 100 addresses, and the three that were refused or hung.
    assert len(services.asked_musicbrainz) == 5
    album = albums["discogs-20"]
    assert (album["artist"], album["pitchfork_score"]) == ("Artist 20", None)
    assert album["metadata"]["discogs_rating"] == "2"
    assert album["cover_url"] == f"{services.url}/release/{services.releases[20][1]}/front-500"
    assert album["cover_url"] == album["cover_source"]


def test_a_second_run_asks_for_nothing_that_an_answer_is_remembered_for(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in (1, 2, 3)])
    services.releases = {1: [mbid_of(1)], 2: [mbid_of(2)]}
    services.covers[f"release/{mbid_of(1)}"] = drawn_cover(workdir, 1)
    catalog(*INGEST, **services.settings())
    services.asked()

    second = catalog(*INGEST, **services.settings())

    assert services.asked() == []
    assert "0 written, 1 unchanged, 2 rejected" in second.err
    assert reasons(workdir) == {"discogs-2": "missing_cover", "discogs-3": "unknown_release"}
    # The others are asked for again on demand.
    services.covers[f"release/{mbid_of(2)}"] = drawn_cover(workdir, 2)
    services.releases[3] = [mbid_of(3)]
    services.covers[f"release/{mbid_of(3)}"] = drawn_cover(workdir, 3)
    assert (
        "2 written, 1 unchanged, 0 rejected"
        in catalog(*INGEST, "--recheck-covers", **services.settings()).err
    )
    assert len(rows(database_url)) == 3


def test_a_run_without_musicbrainz_is_completed_by_the_next_run(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in (1, 2)])
    services.releases = {1: [mbid_of(1)], 2: [mbid_of(2)]}
    services.covers = {f"release/{mbid_of(number)}": drawn_cover(workdir, number) for number in (1, 2)}
    services.musicbrainz_faults = [refuse(503, "3600")]

    without = catalog(*INGEST, **services.settings())
    after = catalog(*INGEST, **services.settings())

    assert "0 written, 0 unchanged, 2 rejected" in without.err
    assert "2 cover_unreachable" in without.err
    assert "2 written, 0 unchanged, 0 rejected" in after.err


def test_an_interrupted_look_up_continues_where_it_ended(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in range(1, 151)])
    services.releases = {number: [mbid_of(number)] for number in range(1, 151)}
    services.covers = {f"release/{mbid_of(number)}": drawn_cover(workdir, number) for number in range(1, 151)}
    services.musicbrainz_faults = [lambda handler: handler.look_up(), refuse(503, "3600")]

    first = catalog(*INGEST, **services.settings())
    asked_first = services.asked_musicbrainz.copy()
    services.asked()
    second = catalog(*INGEST, **services.settings())

    assert "100 written, 0 unchanged, 50 rejected" in first.err
    assert [path.count("resource=") for path in asked_first] == [100, 50]
    assert "50 written, 100 unchanged, 0 rejected" in second.err
    assert [path.count("resource=") for path in services.asked_musicbrainz] == [50]


def test_musicbrainz_ids_of_any_table_find_covers_without_musicbrainz(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    table = [
        {"artist": "A", "album": "By release", "release_mbid": mbid_of(1), "release_group_mbid": ""},
        {"artist": "A", "album": "By group", "release_mbid": mbid_of(2), "release_group_mbid": mbid_of(3)},
        {"artist": "A", "album": "Without cover", "release_mbid": mbid_of(4), "release_group_mbid": ""},
        {"artist": "A", "album": "Without id", "release_mbid": "n/a", "release_group_mbid": ""},
    ]
    write_table(workdir / "albums.csv", table)
    services.covers[f"release/{mbid_of(1)}"] = drawn_cover(workdir, 1)
    services.covers[f"release-group/{mbid_of(3)}"] = drawn_cover(workdir, 3)

    done = catalog(*INGEST, **services.settings())

    assert "by the ids in release_mbid, release_group_mbid" in done.err
    found = {album["album_name"]: album["cover_source"] for album in rows(database_url).values()}
    assert found == {
        "By release": f"{services.url}/release/{mbid_of(1)}/front-500",
        "By group": f"{services.url}/release-group/{mbid_of(3)}/front-500",
    }
    assert sorted(reasons(workdir).values()) == ["missing_cover", "missing_cover"]
    assert services.asked_musicbrainz == []


def test_an_album_keeps_its_cover_if_its_release_is_no_longer_known(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    write_table(workdir / "albums.csv", [exported(1)])
    services.releases[1] = [mbid_of(1)]
    services.covers[f"release/{mbid_of(1)}"] = drawn_cover(workdir, 1)
    catalog(*INGEST, **services.settings())
    (before,) = rows(database_url).values()
    services.covers.clear()
    write_table(workdir / "albums.csv", [exported(1) | {"Released": 1977}])

    done = catalog(*INGEST, "--recheck-covers", **services.settings())

    (after,) = rows(database_url).values()
    assert "1 written, 0 unchanged, 0 rejected" in done.err
    assert (after["release_year"], after["embedding"]) == (1977, before["embedding"])


def test_a_contact_is_required_except_for_a_dry_run(
    catalog: Catalog, workdir: Path, services: ReleaseServices
) -> None:
    write_table(workdir / "albums.csv", [exported(1)])
    settings = services.settings() | {"FETCH_CONTACT": ""}

    refused = catalog(*INGEST, **settings)
    shown = catalog(*INGEST, "--dry-run", **settings)

    assert refused.status == 2
    assert "FETCH_CONTACT" in refused.err
    assert shown.status == 0, shown.err
    assert "recognised as a Discogs export (--preset discogs)" in shown.err
    assert "  cover: discogs:release/1 (Cover Art Archive)" in shown.out
    assert services.asked() == []


def test_a_damaged_file_of_answers_is_reported(
    catalog: Catalog, workdir: Path, services: ReleaseServices, environ: dict[str, str]
) -> None:
    write_table(workdir / "albums.csv", [exported(1)])
    file = Path(environ["MODEL_CACHE_DIR"]) / "releases.sqlite"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"no database" * 100)

    done = catalog(*INGEST, **services.settings())

    assert done.status == 2
    assert f"{file}: the file of remembered answers cannot be used" in done.err


def test_an_exported_collection_is_ingested_again_unchanged(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in (1, 2)])
    services.releases = {1: [mbid_of(1)], 2: [mbid_of(2)]}
    services.covers = {f"release/{mbid_of(number)}": drawn_cover(workdir, number) for number in (1, 2)}
    catalog(*INGEST, **services.settings())
    before = rows(database_url)
    services.asked()

    written = catalog("export", "copy.csv")
    again = catalog("ingest", "copy.csv", "--allow-private")
    thumbnails = catalog(
        "thumbnails",
        "--allow-private",
        THUMBNAIL_DIR=str(workdir / "small"),
        THUMBNAIL_REMOTE_COVERS="allow",
    )

    assert written.status == 0, written.err
    assert "0 written, 2 unchanged, 0 rejected" in again.err, again.err
    assert rows(database_url) == before
    assert thumbnails.status == 0, thumbnails.err
    assert all(path.startswith(("/release/", "/download/")) for path in services.asked())
