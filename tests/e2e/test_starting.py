"""Tests of starting a stack: an interrupted start, and the requirements on the machine."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from local.options import DEMO_MODEL
from tests.e2e.conftest import RunningStack, StartStack
from tests.paths import ROOT

FEW = "20"
NOBODY = 65_534
#: Runs a command as a user that can read every file, even root's, but may write to none of them.
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
    "--",
)
#: The folders of a checkout that `make run` needs.
PARTS = ("api", "catalog", "common", "local", "models", "worker")
NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "CLIP_MODEL": str(DEMO_MODEL),
    "ENCODER": "fixed",
}


def is_running(stack: RunningStack, module: str) -> bool:
    return any(child.cmdline()[-2:] == ["-m", module] for child in stack.children())


def press_ctrl_c(stack: RunningStack) -> None:
    """Interrupt the whole process group, as a terminal does for Ctrl-C."""
    os.killpg(stack.process.pid, signal.SIGINT)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a copy of the code, whose path contains spaces."""
    folder = tmp_path / "my own projects" / "cover search"
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_a_start_that_waits_for_the_catalog(start_stack: StartStack, presses: int) -> None:
    stack = start_stack(serves=False, **NOWHERE)
    stack.wait_until(lambda: is_running(stack, "worker") and is_running(stack, "api"))
    children = stack.children()

    for _ in range(presses):
        press_ctrl_c(stack)
    status = stack.process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=5)

    assert status == 0, stack.read_output()
    assert "Traceback" not in stack.read_output()
    assert alive == []
    assert not list(stack.state.glob("*/child.json"))


def test_ctrl_c_ends_a_start_that_draws_covers(start_stack: StartStack) -> None:
    stack = start_stack(serves=False, DEMO_ALBUMS="2000")
    stack.wait_until(lambda: any((stack.state / "covers").glob("*.jpg")))
    # The output is a file, so progress is printed as lines.
    stack.wait_until(lambda: " of 2000" in stack.read_output())
    children = stack.children()

    press_ctrl_c(stack)
    status = stack.process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=5)

    assert status == 0, stack.read_output()
    assert "Traceback" not in stack.read_output()
    assert alive == []


def test_with_authentication_the_example_searches_run_and_keys_can_be_made(
    start_stack: StartStack,
) -> None:
    stack = start_stack(AUTH="required", DEFAULT_WAIT_S="0", DEMO_ALBUMS=FEW)
    environ = {"PATH": os.environ["PATH"], "STATE_DIR": str(stack.state)}

    def keys(*arguments: str) -> str:
        command = [sys.executable, "-m", "local.running_service.api_keys", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
        ).stdout

    assert "Search by image" in stack.read_output()
    assert "Search by text" in stack.read_output()
    key = keys("create", "alice").strip()
    genres = f"{stack.url}/api/genres"
    assert httpx.get(genres).status_code == 401
    assert httpx.get(genres, headers={"X-API-Key": key}).status_code == 200
    # Only Alice's key is left, because the stack has revoked the key of its own example searches.
    listed = keys("list").splitlines()
    assert [line.split()[-1] for line in listed] == ["NAME", "alice"]
    record = stack.state / "redis" / "url"
    assert record.stat().st_mode & 0o777 == 0o600
    stack.stop()
    assert not record.exists()


def test_a_start_without_a_demo_keeps_the_albums_that_the_operator_writes(start_stack: StartStack) -> None:
    first = start_stack(DEMO_ALBUMS="0")
    environ = {"PATH": os.environ["PATH"], "STATE_DIR": str(first.state), "DEMO_ALBUMS": "0"}
    command = [sys.executable, "-m", "local.running_service.environment"]
    printed = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    ).stdout
    settings = dict(word.split("=", 1) for word in shlex.split(printed) if "=" in word)

    with psycopg.connect(settings["DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO album_covers (id, artist, album_name) VALUES ('mine', 'a', 'b')")
    assert httpx.get(f"{first.url}/api/albums/mine").status_code == 200
    first.stop()
    refused = start_stack(state=first.state, DEMO_ALBUMS=FEW, serves=False)
    assert refused.process.wait(120) == 1
    second = start_stack(state=first.state, DEMO_ALBUMS="0")

    assert httpx.get(f"{second.url}/api/stats").json()["total_albums"] == 1
    names = {"REDIS_URL", "DATABASE_URL", "CLIP_MODEL", "MODEL_CACHE_DIR", "THUMBNAIL_DIR"}
    assert settings.keys() == names
    assert settings["DATABASE_URL"] not in first.read_output()
    said = " ".join(refused.read_output().split())
    assert "contains 1 album(s) that do not belong to the demo" in said
    assert "DEMO_ALBUMS=0" in said
    assert f"make reset PORT={httpx.URL(refused.url).port} STATE_DIR='{first.state}'" in said
    assert f"make -s env PORT={httpx.URL(second.url).port} STATE_DIR='{second.state}'" in second.read_output()
    second.stop()


def test_failed_example_searches_do_not_end_the_service(start_stack: StartStack) -> None:
    stack = start_stack(ADDRESS_RATE="1/hour", DEMO_ALBUMS=FEW)

    assert "the two searches could not be shown" in stack.read_output()
    assert httpx.get(f"{stack.url}/livez").status_code == 200
    stack.stop()


def test_one_checkout_runs_two_stacks_on_different_ports(start_stack: StartStack, checkout: Path) -> None:
    stacks = [start_stack(checkout=checkout, STATE_DIR="", DEMO_ALBUMS=FEW) for _ in range(2)]

    for stack in stacks:
        found = httpx.get(f"{stack.url}/api/search-by-text", params={"query": "red"}, timeout=60).json()
        assert found["results"][0]["cover_url"].startswith(stack.url)
    assert len(list((checkout / ".state").glob("port-*/covers"))) == 2
    for stack in stacks:
        assert stack.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test here runs as an ordinary user already")
def test_an_ordinary_user_can_run_the_stack(start_stack: StartStack, checkout: Path) -> None:
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, NOBODY, NOBODY)

    stack = start_stack(
        checkout=checkout, prefix=AS_NOBODY, STATE_DIR="", HOME="/nonexistent", DEMO_ALBUMS=FEW
    )
    processes = [psutil.Process(stack.process.pid), *stack.children()]

    assert {process.uids().real for process in processes} == {NOBODY}
    assert "Search by image" in stack.read_output()
    # Decoder processes run as the same user as the worker, so the worker's environment must be readable by
    # root only.
    worker = next(process for process in processes if process.cmdline()[-2:] == ["-m", "worker"])
    assert Path(f"/proc/{worker.pid}/environ").stat().st_uid == 0
    assert stack.stop() == 0
