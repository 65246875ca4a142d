"""Fixtures that start the stack with `make run`, as a new user would."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from local.servers.server import free_port
from tests.paths import ROOT
from tests.polling import eventually

START_S = 180.0
STOP_S = 60.0
#: The number of demo albums: enough for every genre except the rarest, and quick to draw.
ALBUMS = 150


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A running `python -m local`, the process behind `make run`, and its output."""

    process: subprocess.Popen[bytes]
    url: str
    state: Path
    output: Path

    def read_output(self) -> str:
        return self.output.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def wait_until_serving(self) -> None:
        self.wait_until(lambda: "Ctrl-C stops everything" in self.read_output())

    def wait_until(self, met: Callable[[], bool]) -> None:
        def holds() -> bool:
            held = met()
            assert held or self.process.poll() is None, self.read_output()
            return held

        eventually(holds, within_s=START_S, describe=self.read_output)

    def stop(self, stop_signal: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(stop_signal)
        return self.process.wait(STOP_S)


StartStack = Callable[..., RunningStack]


@pytest.fixture(scope="session")
def start_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartStack]:
    """Return a function that starts stacks with separate state folders; stop all stacks at the end."""
    started: list[RunningStack] = []

    def start(
        *,
        state: Path | None = None,
        checkout: Path = ROOT,
        prefix: Sequence[str] = (),
        serves: bool = True,
        **environ: str,
    ) -> RunningStack:
        # The state folder's path contains spaces, because users' paths may contain spaces.
        state = state or tmp_path_factory.mktemp("a stack") / "state dir"
        output = tmp_path_factory.mktemp("output") / "output.txt"
        port = environ.pop("PORT", str(free_port()))
        inherited = {k: v for k, v in os.environ.items() if k not in {"REDIS_URL", "DATABASE_URL"}}
        given = {
            "PORT": port,
            "STATE_DIR": str(state),
            "DEMO_ALBUMS": str(ALBUMS),
            "COLUMNS": "200",
            **environ,
        }
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "local"],
                cwd=checkout,
                env=inherited | given,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        stack = RunningStack(process, f"http://127.0.0.1:{port}", state, output)
        started.append(stack)
        if serves:
            stack.wait_until_serving()
        return stack

    yield start
    for stack in started:
        stack.stop()


@pytest.fixture(scope="session")
def stack(start_stack: StartStack) -> RunningStack:
    """A stack with two workers, shared by all tests that only send requests to the stack."""
    return start_stack(WORKERS="2")


@pytest.fixture
def client(stack: RunningStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        yield client


@pytest.fixture
def cover(stack: RunningStack) -> Path:
    return min((stack.state / "covers").glob("*.jpg"))
