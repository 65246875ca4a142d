"""Secrets never appear in logs, errors, the process list or answers."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from common.settings import load_settings
from local.servers.redis import RedisServer
from local.servers.server import free_port
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import StandInWorker
from tests.paths import ROOT
from tests.polling import eventually

REDIS_PASSWORD = "redis-hunter2"
DATABASE_PASSWORD = "database-hunter2"
SERVICE_KEY = "service-hunter2"
SECRETS = (REDIS_PASSWORD, DATABASE_PASSWORD, SERVICE_KEY)


def test_settings_show_no_secret() -> None:
    settings = load_settings(
        {
            "REDIS_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1/0",
            "DATABASE_URL": f"postgresql://me:{DATABASE_PASSWORD}@127.0.0.1/x",
            "SUPABASE_URL": "https://x.supabase.co",
            "SUPABASE_KEY": SERVICE_KEY,
        }
    )

    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert [secret for secret in SECRETS if secret in shown] == []


@pytest.fixture
def failing() -> Iterator[tuple[httpx.Client, psutil.Process, Path]]:
    """The client, process and log file of a gateway that can reach neither Redis nor the catalog."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "REDIS_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1:1/0",
        "DATABASE_URL": f"postgresql://me:{DATABASE_PASSWORD}@127.0.0.1:1/x",
        "LOG_LEVEL": "DEBUG",
    }
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen([sys.executable, "-m", "api"], cwd=ROOT, env=environ, stderr=file)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                eventually(lambda: lives(client))
                yield client, psutil.Process(process.pid), log
        finally:
            process.terminate()
            process.wait()


def test_failed_logins_do_not_reveal_passwords(
    failing: tuple[httpx.Client, psutil.Process, Path],
) -> None:
    client, process, log = failing

    answers = [
        client.get(path)
        for path in ("/health", "/readyz", "/api/genres", "/api/stats", "/api/search-by-text?query=red")
    ]
    eventually(lambda: "does not answer" in log.read_text() or "cannot be done" in log.read_text())

    shown = log.read_text() + "".join(answer.text + str(answer.headers) for answer in answers)
    assert {answer.status_code for answer in answers[1:]} == {503}
    assert [secret for secret in SECRETS if secret in shown] == []
    assert [secret for secret in SECRETS if secret in " ".join(process.cmdline())] == []


def test_paths_and_passwords_in_a_workers_error_are_redacted(
    start_gateway: StartGateway, worker: StandInWorker, redis_server: RedisServer
) -> None:
    worker.announcement = {
        "id": "stand-in",
        "ready": False,
        "error": f"/home/me/models/clip is damaged; redis://:{REDIS_PASSWORD}@127.0.0.1/0 is down",
    }
    with start_gateway().client() as client:
        eventually(lambda: "damaged" in client.get("/readyz").text)

        shown = client.get("/readyz").json()["problems"]["worker"]

    assert "/home" not in shown
    assert REDIS_PASSWORD not in shown
    assert "…/clip is damaged" in shown


def test_control_characters_from_a_client_cannot_forge_log_records(
    failing: tuple[httpx.Client, psutil.Process, Path],
) -> None:
    client, _, log = failing

    client.get("/api/%0A%7B%22level%22:%22FAKE%22%7D%1B%5B31m")
    eventually(lambda: "FAKE" in log.read_text())

    records = [line for line in log.read_text().splitlines() if "FAKE" in line]
    assert all(line.startswith("{") and line.endswith("}") for line in records)
    assert "\x1b" not in log.read_text()
    assert not any(line.startswith('{"level":"FAKE"') for line in records)


def lives(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.ConnectError:
        return False
