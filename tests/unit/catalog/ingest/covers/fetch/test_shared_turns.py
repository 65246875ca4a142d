"""All processes of a machine take turns at a host."""

from pathlib import Path

import pytest

from catalog.ingest.covers.fetch.shared_turns import SharedTurns
from common.errors import SettingsError
from tests.clock import Clock


def test_the_requests_of_all_processes_are_an_interval_apart(tmp_path: Path) -> None:
    clock = Clock()
    first, second = (SharedTurns(tmp_path / "turns", 2.0, clock=clock) for _ in range(2))

    delays = [first.delay_s(), second.delay_s(), first.delay_s(), first.delay_s()]

    assert delays == [0.0, 0.5, 1.0, 1.5]
    clock.now_s += 1.75
    assert second.delay_s() == 0.25


def test_a_request_after_a_pause_is_sent_at_once(tmp_path: Path) -> None:
    clock = Clock()
    turns = SharedTurns(tmp_path / "turns", 1.0, clock=clock)
    turns.delay_s()

    clock.now_s += 100

    assert turns.delay_s() == 0.0


def test_a_clock_that_was_set_back_does_not_stop_the_requests(tmp_path: Path) -> None:
    clock = Clock()
    turns = SharedTurns(tmp_path / "turns", 1.0, clock=clock)
    turns.delay_s()

    clock.now_s -= 3600

    assert [turns.delay_s(), turns.delay_s()] == [0.0, 1.0]


def test_a_file_that_was_not_written_to_its_end_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "turns").write_text("17.1.")
    turns = SharedTurns(tmp_path / "turns", 1.0, clock=Clock())

    assert [turns.delay_s(), turns.delay_s()] == [0.0, 1.0]


def test_a_file_that_was_removed_is_created_again(tmp_path: Path) -> None:
    turns = SharedTurns(tmp_path / "turns", 1.0, clock=Clock())
    turns.delay_s()
    (tmp_path / "turns").unlink()

    assert [turns.delay_s(), turns.delay_s()] == [0.0, 1.0]


def test_an_unusable_file_is_reported_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="MODEL_CACHE_DIR"):
        SharedTurns(tmp_path / "file" / "turns", 1.0)
