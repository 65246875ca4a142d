"""A unit test that starts a process must be marked `starts_processes`; all others are marked `quick`."""

import multiprocessing.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.clock import Clock

_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
_MARK = "starts_processes"

#: The processes that the current test and its fixtures have started.
_started: list[str] = []
#: Fixtures that start a process when a test uses them for the first time. `export_cache` is listed because
#: its first user exports a model in a child process. Each entry has the fixture's name and the folder or file
#: that defines the fixture, because several files may use the same name.
_starting_fixtures: set[tuple[str, str]] = {("export_cache", "")}


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event in _STARTS:
        _started.append(f"{event}{arguments!r:.200}")


sys.addaudithook(_note)


@pytest.fixture(autouse=True, scope="session")
def _note_spawned_children() -> Iterator[None]:
    # `spawnv_passfds` is replaced, because multiprocessing starts child processes without an audit event.
    with pytest.MonkeyPatch.context() as patch:
        spawn = multiprocessing.util.spawnv_passfds

        def noted(path: bytes, arguments: list[bytes], files: list[int]) -> int:
            _started.append(f"multiprocessing{arguments!r:.200}")
            return int(spawn(path, arguments, files))

        patch.setattr("multiprocessing.util.spawnv_passfds", noted)
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    unit_tests = Path(__file__).parent
    for item in items:
        if unit_tests in item.path.parents and item.get_closest_marker(_MARK) is None:
            item.add_marker("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _started.clear()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
    before = len(_started)
    result = yield
    if len(_started) > before:
        _starting_fixtures.add((fixturedef.argname, fixturedef.baseid))
    return result


@pytest.fixture(autouse=True)
def _starts_no_process_unmarked(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.node.get_closest_marker(_MARK) is None:
        found = [*_started, *_starting_fixtures_of(request)]
        assert not found, f"it starts a process: mark it {_MARK}"


def _starting_fixtures_of(request: pytest.FixtureRequest) -> list[str]:
    names = request.fixturenames
    return [
        name
        for name, place in sorted(_starting_fixtures)
        if name in names and request.node.nodeid.startswith(place)
    ]
