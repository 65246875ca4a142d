"""Kill a part of a stack or the whole stack: accepted jobs are answered, and no process is left."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from local.options import DEMO_MODEL
from tests.e2e.conftest import RunningStack, StartStack
from tests.paths import ROOT
from tests.polling import eventually

FEW = "20"
JOBS = 20
DEADLINE_S = 60.0
#: Maps the name of each part of a stack to a function that recognizes the part's process.
PARTS: dict[str, Callable[[psutil.Process], bool]] = {
    "Redis": lambda process: process.name().startswith("redis"),
    "PostgreSQL": lambda process: process.name() == "postgres",
    "gateway": lambda process: process.cmdline()[-2:] == ["-m", "api"],
    "worker-1": lambda process: process.cmdline()[-2:] == ["-m", "worker"],
}


@pytest.fixture(scope="module")
def killed_stack(start_stack: StartStack) -> Iterator[RunningStack]:
    """A stack whose parts the tests kill one after another."""
    stack = start_stack(DEMO_ALBUMS=FEW)
    yield stack
    stack.stop()


def part_of(stack: RunningStack, name: str) -> psutil.Process:
    children = psutil.Process(stack.process.pid).children()
    return next(process for process in children if PARTS[name](process))


def accept_jobs(stack: RunningStack, topic: str) -> list[str]:
    """Submit new searches, and return the URLs of their jobs."""
    with httpx.Client(base_url=stack.url, timeout=30, headers={"Prefer": "respond-async"}) as client:
        answers = [
            client.get("/api/search-by-text", params={"query": f"{topic} {number}"}) for number in range(JOBS)
        ]
    assert {answer.status_code for answer in answers} <= {200, 202}
    return [answer.headers["location"] for answer in answers if answer.status_code == 202]


def ended(stack: RunningStack, job: str) -> str:
    """Poll a job until it has ended, ignoring temporary failures; return its final state."""

    def end() -> str | None:
        try:
            answer = httpx.get(stack.url + job, timeout=10)
        except httpx.TransportError:
            return None
        # A 404 would mean that the job is lost.
        assert answer.status_code in {200, 503}, answer.text
        state = str(answer.json()["status"]) if answer.status_code == 200 else "unavailable"
        return None if state in {"queued", "running", "unavailable"} else state

    return eventually(end, within_s=DEADLINE_S)


def search(stack: RunningStack, words: str) -> int:
    """Search until the service answers."""

    def answered() -> int | None:
        try:
            answer = httpx.get(
                f"{stack.url}/api/search-by-text", params={"query": words, "wait": 30}, timeout=60
            )
        except httpx.TransportError:
            return None
        return None if answer.status_code == 503 else answer.status_code

    return eventually(answered, within_s=DEADLINE_S)


def output(stack: RunningStack) -> str:
    # The output is joined, because the stack wraps lines at the width of the terminal.
    return " ".join(stack.read_output().split())


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_is_restarted_and_no_accepted_job_is_lost(
    killed_stack: RunningStack, name: str
) -> None:
    stack = killed_stack
    process = part_of(stack, name)

    jobs = accept_jobs(stack, name)
    process.kill()
    states = {ended(stack, job) for job in jobs}
    stack.wait_until(lambda: f"{name} was started again" in output(stack))

    assert states <= {"succeeded"}
    assert f"{name} ended (SIGKILL); starting it again" in output(stack)
    assert search(stack, f"after {name}") == 200
    assert part_of(stack, name).pid != process.pid


def test_a_part_replaces_its_killed_child_processes(killed_stack: RunningStack) -> None:
    stack = killed_stack
    worker, postgres = part_of(stack, "worker-1"), part_of(stack, "PostgreSQL")
    search(stack, "so that the database has a session")

    for process in (*worker.children(), *postgres.children()):
        # A child process may have ended, because PostgreSQL ends all children when one is killed.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    jobs = accept_jobs(stack, "its own")

    assert {ended(stack, job) for job in jobs} <= {"succeeded"}
    assert (part_of(stack, "worker-1").pid, part_of(stack, "PostgreSQL").pid) == (worker.pid, postgres.pid)
    with min((stack.state / "covers").glob("*.jpg")).open("rb") as cover:
        answer = httpx.post(
            f"{stack.url}/api/search-by-image", params={"wait": 30}, files={"file": cover}, timeout=60
        )
    assert answer.status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends orphaned processes")
def test_a_killed_stack_leaves_no_process_and_can_be_started_again(
    start_stack: StartStack, stack: RunningStack
) -> None:
    killed, neighbours = start_stack(DEMO_ALBUMS=FEW), stack.children()
    children, port = killed.children(), killed.url.rpartition(":")[2]

    killed.process.kill()
    _, alive = psutil.wait_procs(children, timeout=30)

    assert len(children) >= 4
    assert alive == []
    # Another stack keeps running.
    assert all(process.is_running() for process in neighbours)
    assert search(stack, "unharmed") == 200
    key = make_key(killed.state)
    assert key.returncode == 1
    assert f"no service runs from {killed.state}" in key.stderr

    again = start_stack(state=killed.state, DEMO_ALBUMS=FEW, PORT=port)

    assert search(again, "once more") == 200
    assert make_key(again.state).returncode == 0
    assert again.stop() == 0
    assert not list(again.state.glob("*/child.json"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends orphaned processes")
@pytest.mark.parametrize("moment", ["drawing covers", "waiting for the catalog"])
def test_a_killed_start_leaves_no_process(start_stack: StartStack, moment: str) -> None:
    if moment == "drawing covers":
        stack = start_stack(serves=False, DEMO_ALBUMS="2000")
        stack.wait_until(lambda: any((stack.state / "covers").glob("*.jpg")))
    else:
        nowhere = "postgresql://nobody@127.0.0.1:1/none"
        stack = start_stack(serves=False, DATABASE_URL=nowhere, CLIP_MODEL=str(DEMO_MODEL), ENCODER="fixed")
        stack.wait_until(lambda: any(PARTS["worker-1"](process) for process in stack.children()))
    children = stack.children()

    stack.process.kill()
    _, alive = psutil.wait_procs(children, timeout=30)

    assert children
    assert alive == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it keeps running")
def test_a_killed_make_stops_its_stack(start_stack: StartStack) -> None:
    recipe = subprocess.run(
        ["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    ends_with_parent = recipe.splitlines()[-1].split()[-1]
    # A shell that stands in for make: it starts the command in its arguments, and waits.
    stands_for_make = ("bash", "-c", f'"$@" {ends_with_parent}; true', "make")
    make = start_stack(prefix=stands_for_make, DEMO_ALBUMS=FEW)
    children = make.children()

    make.process.kill()
    _, alive = psutil.wait_procs(children, timeout=60)

    assert ends_with_parent.startswith("--")
    assert alive == []
    # The stack received the signal in time and stopped cleanly.
    assert "stopped" in output(make)
    assert not list(make.state.glob("*/child.json"))


def test_a_stack_ends_with_an_error_when_a_part_keeps_crashing(
    start_stack: StartStack, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(DEMO_MODEL, model)
    stack = start_stack(DEMO_ALBUMS=FEW, CLIP_MODEL=str(model))
    children = stack.children()

    shutil.rmtree(model)
    part_of(stack, "worker-1").kill()
    status = stack.process.wait(90)

    assert status == 1
    assert "worker-1 has ended 6 times, each within 60 s of its start" in output(stack)
    assert "server.log" in output(stack).rpartition("worker-1 has ended")[2]
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def make_key(state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.running_service.api_keys", "create", "alice"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
