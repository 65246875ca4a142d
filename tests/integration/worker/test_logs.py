"""Every log line of gateway, worker and tools is a short JSON object, including output of libraries."""

import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from common.settings import Settings
from local.gateway_and_worker import Service, gateway_service
from local.servers.server import free_port
from tests.integration.worker.conftest import START_S, StartWorker
from tests.paths import ROOT
from tests.polling import eventually

LINE_MAX_CHARS = 20_000

#: A script that configures logging and then writes output in the ways that libraries do.
NOISE = """
import ctypes, logging, os, sys, threading, time, warnings

def make_noise():
    while not any(thread.name == "output" for thread in threading.enumerate()):
        time.sleep(0.02)
    os.write(2, b"TIFFReadDirectory: Warning, written by a C library.\\n")
    print("printed by a library", flush=True)
    for number in range(1000):
        warnings.warn(f"Possibly corrupt EXIF data. Skipping tag {number} " + "x" * 50_000)
    logging.getLogger("third.party").warning("logged by a library " + "y" * 50_000)
    logging.getLogger("third.party").warning("%d of a wrong kind", "z" * 50_000)
    raise ValueError("raised in a library's thread " + "w" * 50_000)

if os.environ.get("MAKE_NOISE"):
    threading.Thread(target=make_noise, name="noise", daemon=True).start()
"""
EXPECTED = (
    "TIFFReadDirectory: Warning",
    "printed by a library",
    "Possibly corrupt EXIF data",
    "logged by a library",
    "cannot be written",
    "raised in a library's thread",
)


@pytest.fixture
def noisy(tmp_path: Path) -> dict[str, str]:
    """Environment variables that make a Python process write the output of `NOISE`."""
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "sitecustomize.py").write_text(NOISE)
    return {"PYTHONPATH": str(tmp_path / "noise"), "MAKE_NOISE": "1"}


def read_lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()


def wait_for_noise(log: Path) -> list[str]:
    def missing() -> list[str]:
        return [part for part in EXPECTED if not any(part in line for line in read_lines(log))]

    eventually(lambda: not missing(), within_s=30, describe=missing)
    return read_lines(log)


def assert_short_json(lines: list[str]) -> None:
    for line in lines:
        assert {"time", "level", "service", "logger", "message"} <= json.loads(line).keys()
        assert len(line) < LINE_MAX_CHARS


def make_gateway(settings: Settings, folder: Path, environ: dict[str, str]) -> tuple[Service, str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    assert settings.database_url is not None
    env = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "PORT": str(port),
        **environ,
    }
    return gateway_service(folder, env, url=url, timeout_s=START_S), url


def test_output_of_libraries_in_a_worker_is_short_json(
    make_worker_service: StartWorker, noisy: dict[str, str]
) -> None:
    service = make_worker_service(**noisy)
    service.start()

    lines = wait_for_noise(service.log_path)

    assert_short_json(lines)
    # Each code location logs a warning at most ten times, although a thousand tags cause the warning.
    assert sum("Possibly corrupt EXIF data" in line for line in lines) == 10


def test_output_of_libraries_in_a_gateway_is_short_json(
    settings: Settings, tmp_path: Path, noisy: dict[str, str]
) -> None:
    service, _ = make_gateway(settings, tmp_path / "gateway", noisy)
    service.start()
    try:
        assert_short_json(wait_for_noise(service.log_path))
    finally:
        service.stop()
    assert_short_json(read_lines(service.log_path))


def test_image_library_warnings_are_short_json_in_both_logs(
    settings: Settings, tmp_path: Path, make_worker_service: StartWorker
) -> None:
    worker = make_worker_service()
    worker.start()
    gateway, url = make_gateway(settings, tmp_path / "gateway", {})
    gateway.start()
    try:
        for data in _images_that_are_warned_of():
            httpx.post(f"{url}/api/search-by-image", files={"file": data}, timeout=60)
        lines = [*read_lines(gateway.log_path), *read_lines(worker.log_path)]
    finally:
        gateway.stop()

    assert_short_json(lines)
    assert sum(map(len, lines)) < 100_000


def _images_that_are_warned_of() -> list[bytes]:
    picture = Image.linear_gradient("L")
    tags = b"".join(struct.pack("<HHII", 40_000 + number, 2, 60_000, 8) for number in range(3000))
    damaged = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 3000) + tags + bytes(4)
    files = []
    for kind, options in (("JPEG", {"exif": damaged}), ("PNG", {"exif": damaged}), ("TIFF", {})):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        files.append(file.getvalue())
    directory = bytearray(files[-1])
    directory[8:12] = b"\xff\x00\x00\x00"
    return [*files, bytes(directory), files[-1][:-5000]]


def test_a_tool_logs_warnings_as_json_and_prints_text_for_people() -> None:
    program = """
import runpy, sys, warnings
from catalog.commands import stats
stats.run = lambda call: (call.console.print("a sentence"), warnings.warn("a library's warning"), 0)[-1]
sys.argv = ["catalog", "stats"]
runpy.run_module("catalog", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )

    printed = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert printed == ["a sentence"]
    assert any("a library's warning" in line for line in done.stderr.splitlines())


def test_output_during_logging_setup_is_logged_once() -> None:
    program = (
        "import os\n"
        "from common.processes.stdout_to_log import capture_output\n"
        "from common.logs import configure_logging\n"
        "def configure(stream):\n"
        "    configure_logging('t', 'INFO')\n"
        "    os.write(1, b'printed early\\n')\n"
        "    configure_logging('t', 'INFO', stream=stream)\n"
        "capture_output(configure)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )

    assert done.stderr.count("printed early") == 1


def test_the_last_lines_before_an_exit_are_logged(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from common.processes.stdout_to_log import capture_output\n"
        "from common.logs import configure_logging\n"
        "capture_output(lambda stream: configure_logging('t', 'INFO', stream=stream))\n"
        "os.write(1, b'without an end of line')\n"
        "raise ValueError('the end')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )

    assert_short_json(done.stderr.splitlines())
    assert done.returncode == 1
    assert "without an end of line" in done.stderr
    assert "ValueError: the end" in done.stderr


def test_a_child_that_keeps_the_output_open_does_not_delay_the_exit() -> None:
    program = (
        "import subprocess, sys\n"
        "from common.processes.stdout_to_log import capture_output\n"
        "capture_output(lambda stream: None)\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(5)']\n"
        "child = subprocess.Popen(command, stdin=subprocess.DEVNULL)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={}, check=False, timeout=30)

    assert done.returncode == 0
