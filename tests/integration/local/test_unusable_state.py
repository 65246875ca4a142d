"""If a state folder cannot be used, one sentence names the folder, the reason and the setting to change."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.paths import ROOT

MODULES = ("local", "local.running_service.api_keys", "local.reset")
TOO_LONG = "/".join(["x" * 200] * 25)
#: The length of a state folder's path that is just valid, while the paths of its sub-folders are too long.
ALMOST_TOO_LONG = 4_091


def run(module: str, state: str, *, prefix: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    arguments = ["list"] if module == "local.running_service.api_keys" else []
    return subprocess.run(
        [*prefix, sys.executable, "-B", "-m", module, *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": "/",
            "STATE_DIR": state,
            # Port 0 is free even if another service uses the default port.
            "PORT": "0",
            "COLUMNS": "10000",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def long_path(folder: Path) -> str:
    path = str(folder)
    while len(path) < ALMOST_TOO_LONG:
        path += "/" + "y" * min(200, ALMOST_TOO_LONG - len(path) - 1)
    return path


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("{}/file", "File exists"),
        ("{}/file/state", "Not a directory"),
        ("{}/" + "x" * 300, "File name too long"),
        ("{}/" + TOO_LONG, "File name too long"),
        # Nobody, not even root, can create a folder in /proc.
        ("/proc/state", "No such file or directory"),
    ],
)
def test_make_run_names_an_unusable_state_folder(tmp_path: Path, state: str, reason: str) -> None:
    (tmp_path / "file").touch()
    path = state.format(tmp_path)

    done = run("local", path)

    assert done.returncode == 1
    assert done.stderr == ""
    sentence = done.stdout.splitlines()[-1]
    assert path in sentence
    assert reason in sentence
    assert "set STATE_DIR" in sentence


@pytest.mark.parametrize("part", ["redis", "postgres", "covers"])
def test_make_run_names_an_unusable_part_of_the_state_folder(tmp_path: Path, part: str) -> None:
    path = tmp_path / part
    path.touch()

    done = run("local", str(tmp_path))

    assert done.returncode == 1, done.stdout
    assert str(path) in done.stdout.splitlines()[-1]
    assert "STATE_DIR" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_make_run_names_a_folder_that_is_too_long_for_its_parts(tmp_path: Path) -> None:
    path = long_path(tmp_path)

    done = run("local", path)

    assert done.returncode == 1
    assert f"the folder {path}/" in done.stdout
    assert "File name too long; choose a folder that you can write to (STATE_DIR)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_make_run_names_a_folder_of_another_user(tmp_path: Path) -> None:
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    readable = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]

    done = run("local", str(tmp_path), prefix=[*as_nobody, *readable, "--"])

    assert done.returncode == 1
    assert f"the folder {tmp_path}/" in done.stdout
    assert "Permission denied" in done.stdout
    assert "STATE_DIR" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("module", ["local.running_service.api_keys", "local.reset"])
def test_keys_and_reset_name_a_path_that_is_too_long(tmp_path: Path, module: str) -> None:
    done = run(module, f"{tmp_path}/{TOO_LONG}")

    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert "File name too long" in sentence
    assert "set STATE_DIR" in sentence


def test_reset_names_a_state_that_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()

    done = run("local.reset", str(path))

    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert f"{path}: Not a directory; set STATE_DIR" in sentence


@pytest.mark.parametrize("module", MODULES)
def test_an_unknown_user_in_the_path_is_named(module: str) -> None:
    done = run(module, "~no-such-user/state")

    assert done.returncode != 0
    assert "STATE_DIR: ~no-such-user/state begins with an unknown user" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("state", ["", "state", "{}/state"])
def test_a_removed_working_directory_is_named(tmp_path: Path, module: str, state: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    in_removed_folder = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(gone)]

    done = run(module, state.format(tmp_path), prefix=in_removed_folder)

    assert not gone.exists()
    assert done.returncode != 0
    assert "the current folder has been removed: change to another folder" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
