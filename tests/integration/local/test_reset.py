"""`make reset` removes the state of a stopped stack, and nothing of a running stack."""

import os
import subprocess
import sys
from pathlib import Path

from local.processes.process_folder import ProcessFolder
from local.servers.redis import RedisConfig, RedisServer
from tests.paths import ROOT


def reset(state: Path) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": os.environ["PATH"], "STATE_DIR": str(state)}
    command = [sys.executable, "-m", "local.reset"]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_reset_removes_the_files_of_a_start_and_keeps_others(tmp_path: Path) -> None:
    for folder in ("redis", "postgres", "covers", "models", "gateway", "worker-1", "worker-2"):
        (tmp_path / folder / "data").mkdir(parents=True)
    (tmp_path / "finetuning").mkdir()
    (tmp_path / "notes.txt").write_text("mine")

    done = reset(tmp_path)

    assert done.returncode == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {"finetuning", "notes.txt"}
    assert f"removed {tmp_path / 'postgres'}" in done.stdout


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
