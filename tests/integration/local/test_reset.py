"""`make reset` removes the state of a stopped stack, and nothing of a running stack."""

import os
import subprocess
import sys
from pathlib import Path

from local.processes.child_process_folder import ProcessFolder
from local.servers.redis import RedisConfig, RedisServer
from tests.paths import ROOT


def reset(state: Path) -> "subprocess.CompletedProcess[str]":
    return reset_in(ROOT, STATE_DIR=str(state))


def reset_in(folder: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    command = [sys.executable, "-m", "local.reset"]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_reset_removes_the_files_of_a_start_and_keeps_others(tmp_path: Path) -> None:
    for folder in ("redis", "postgres", "covers", "thumbnails", "models", "gateway", "worker-1", "worker-2"):
        (tmp_path / folder / "data").mkdir(parents=True)
    (tmp_path / "url").write_text("http://127.0.0.1:8000")
    (tmp_path / "finetuning").mkdir()
    (tmp_path / "tools.json").write_text("{}")
    (tmp_path / "worker-notes").write_text("mine")

    done = reset(tmp_path)

    assert done.returncode == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {"finetuning", "worker-notes"}
    assert f"removed {tmp_path / 'postgres'}" in done.stdout


def test_reset_removes_the_default_state_folders_if_they_are_empty(tmp_path: Path) -> None:
    default, other = tmp_path / ".state", tmp_path / ".state" / "port-9000"
    for folder in (default, other):
        (folder / "redis").mkdir(parents=True)

    assert reset_in(tmp_path, PORT="9000").returncode == 0
    assert [entry.name for entry in default.iterdir()] == ["redis"]

    assert reset_in(tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_help_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    environ = {"PATH": os.environ["PATH"], "STATE_DIR": str(tmp_path)}

    command = [sys.executable, "-m", "local.reset", "--help"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("usage: python -m local.reset")
    assert (tmp_path / "redis").exists()


def test_reset_removes_nothing_while_a_server_runs(tmp_path: Path) -> None:
    (tmp_path / "covers").mkdir()

    with RedisServer(RedisConfig(tmp_path / "redis")):
        done = reset(tmp_path)

    assert done.returncode == 1
    assert "stop the service first" in done.stderr
    assert (tmp_path / "covers").exists()


def test_reset_removes_the_files_of_a_killed_start(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    folder = ProcessFolder(tmp_path / "redis", name="Redis")
    folder.claim()
    folder.record(ended.pid)
    ended.wait()
    folder.release()

    assert reset(tmp_path).returncode == 0
    assert not (tmp_path / "redis").exists()


def test_reset_of_an_empty_folder_succeeds(tmp_path: Path) -> None:
    done = reset(tmp_path)

    assert (done.returncode, done.stdout) == (0, f"nothing to remove in {tmp_path}\n")
