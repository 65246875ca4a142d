"""Unit tests that start processes must be marked, so that `make check` can skip them."""

import sys
from collections.abc import Iterator

import pytest

MARK = "starts_processes"
_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"})
_running: list[pytest.Item] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def _refuse_unmarked(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _STARTS and _running and not _running[-1].get_closest_marker(MARK):
        raise RuntimeError(f"a unit test that starts a process needs @pytest.mark.{MARK}")


# An audit hook cannot be removed; it does nothing once no test runs.
sys.addaudithook(_refuse_unmarked)
