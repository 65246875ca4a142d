"""Answers of MusicBrainz and the Cover Art Archive are remembered; negative ones for a week."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.ingest.covers.releases.remembered_answers import NEGATIVE_TTL_S, RememberedAnswers
from common.errors import SettingsError

URL = "https://coverartarchive.org/release/x/front-500"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "releases.sqlite"


def opened(file: Path, at: float, *, forget_negative: bool = False) -> RememberedAnswers:
    return RememberedAnswers(file, forget_negative=forget_negative, clock=lambda: at)


def test_an_answer_is_remembered_by_later_runs(file: Path) -> None:
    opened(file, 0).add_releases({1: ("b", "a"), 2: ()})
    opened(file, 0).add_missing(URL)

    later = opened(file, NEGATIVE_TTL_S)

    assert later.releases([1, 2, 3]) == {1: ("b", "a"), 2: ()}
    assert later.is_missing(URL)
    assert not later.is_missing(URL + "0")


def test_only_negative_answers_expire(file: Path) -> None:
    first = opened(file, 0)
    first.add_releases({1: ("a",), 2: ()})
    first.add_missing(URL)

    later = opened(file, NEGATIVE_TTL_S + 1)

    assert later.releases([1, 2]) == {1: ("a",)}
    assert not later.is_missing(URL)


def test_a_recheck_ignores_earlier_negative_answers_but_not_its_own(file: Path) -> None:
    opened(file, 0).add_missing(URL)
    recheck = opened(file, 1, forget_negative=True)

    assert not recheck.is_missing(URL)
    recheck.add_missing(URL)
    recheck.add_releases({2: ()})

    assert recheck.is_missing(URL)
    assert recheck.releases([2]) == {2: ()}


def test_a_recheck_in_the_same_second_ignores_earlier_negative_answers(file: Path) -> None:
    first = opened(file, 10.2)
    first.add_missing(URL)
    first.add_releases({2: ()})

    recheck = opened(file, 10.9, forget_negative=True)

    assert not recheck.is_missing(URL)
    assert recheck.releases([2]) == {}


def test_threads_and_runs_share_a_file(file: Path) -> None:
    runs = [opened(file, 0) for _ in range(4)]

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda n: runs[n % 4].add_missing(f"{URL}/{n}"), range(200)))
        found = list(threads.map(lambda n: runs[0].is_missing(f"{URL}/{n}"), range(200)))

    assert all(found)


@pytest.mark.parametrize("damage", ["text", "later version"])
def test_a_file_that_cannot_be_read_is_reported(file: Path, damage: str) -> None:
    opened(file, 0)
    if damage == "text":
        file.write_bytes(b"no database" * 1000)
    else:
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA user_version = 9")
        connection.close()

    with pytest.raises(SettingsError, match=r"releases.sqlite: .*remove it"):
        opened(file, 0)


def test_a_folder_that_cannot_be_created_is_reported_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(SettingsError, match=r"releases.sqlite: .*MODEL_CACHE_DIR"):
        RememberedAnswers(tmp_path / "cache" / "releases.sqlite")
