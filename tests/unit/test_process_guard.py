"""A unit test that starts a process fails if it is not marked `starts_processes`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.starts_processes

SUITE = """
import multiprocessing, os, subprocess, sys
import pytest

def run():
    subprocess.run([sys.executable, "-c", ""], check=True)

@pytest.fixture(scope="module")
def server():
    run()

@pytest.mark.starts_processes
def test_marked(server):
    run()

def test_by_itself():
    run()

def test_by_a_thread():
    import threading
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

def test_by_multiprocessing():
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()

def test_by_a_fixture_that_another_test_has_set_up(server):
    pass

def test_without():
    pass
"""


def test_an_unmarked_test_that_starts_a_process_fails(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    shutil.copy(ROOT / "tests" / "unit" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = starts_processes\n")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rE", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    failed = {
        line.partition("::")[2].partition(" ")[0]
        for line in done.stdout.splitlines()
        if "ERROR test_suite.py::" in line
    }
    assert failed == {
        "test_by_itself",
        "test_by_a_thread",
        "test_by_multiprocessing",
        "test_by_a_fixture_that_another_test_has_set_up",
    }, done.stdout
    assert "6 passed" in done.stdout
