"""Unit tests that start processes must be marked, so that `make check` can skip them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MARK = "starts_processes"
_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"})
HERE = Path(__file__).parent
_unmarked: list[pytest.Item] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    # pytest calls it for the tests of other folders too.
    if item.path.is_relative_to(HERE) and not item.get_closest_marker(MARK):
        _unmarked.append(item)
    try:
        return (yield)
    finally:
        _unmarked.clear()


def _refuse(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _STARTS and _unmarked:
        raise RuntimeError(f"a unit test that starts a process needs @pytest.mark.{MARK}")


# An audit hook cannot be removed; it does nothing once no test runs.
sys.addaudithook(_refuse)
