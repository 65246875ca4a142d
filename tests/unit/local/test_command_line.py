"""Python processes that `cover-search` starts do not import modules from the working directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

#: The start script that pip installs for `cover-search`, followed by code that uses a process pool.
COMMAND = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from local.command_line import main

if __name__ == "__main__":
    sys.argv = ["cover-search", "--help"]
    main()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        print(pool.submit(abs, -7).result())
"""


@pytest.mark.starts_processes
def test_a_spawned_process_ignores_files_named_like_modules(tmp_path: Path) -> None:
    program, project = tmp_path / "bin" / "cover-search", tmp_path / "project"
    for folder in (program.parent, project):
        folder.mkdir()
    program.write_text(COMMAND)
    for module in ("json", "pickle", "random", "socket"):
        (project / f"{module}.py").write_text(f"raise ImportError('not this {module}')\n")

    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n7\n")
    assert done.stderr == ""
