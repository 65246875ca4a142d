"""The settings that `make env` prints."""

import json
from pathlib import Path

import psutil
import pytest

from local.environment import tool_settings
from local.errors import NoLocalService
from local.options import DEMO_MODEL


def record(folder: Path, url: str) -> None:
    folder.mkdir()
    (folder / "url").write_text(url)
    running = psutil.Process()
    (folder / "child.json").write_text(json.dumps({"pid": running.pid, "started": running.create_time()}))


def test_the_settings_name_the_servers_of_the_running_service(tmp_path: Path) -> None:
    record(tmp_path / "redis", "redis://127.0.0.1:4567/0")
    record(tmp_path / "postgres", "postgresql://postgres:secret@127.0.0.1:4568/postgres")

    assert tool_settings({"STATE_DIR": str(tmp_path)}) == {
        "REDIS_URL": "redis://127.0.0.1:4567/0",
        "DATABASE_URL": "postgresql://postgres:secret@127.0.0.1:4568/postgres",
        "CLIP_MODEL": str(DEMO_MODEL),
        "MODEL_CACHE_DIR": str(tmp_path / "models"),
    }


def test_a_server_that_a_setting_names_by_url_is_not_printed(tmp_path: Path) -> None:
    record(tmp_path / "redis", "redis://127.0.0.1:4567/0")
    environ = {"STATE_DIR": str(tmp_path), "DATABASE_URL": "postgresql://user:secret@db.example/catalog"}

    settings = tool_settings(environ)

    assert settings.keys() == {"REDIS_URL", "CLIP_MODEL", "MODEL_CACHE_DIR"}
    assert "secret" not in repr(settings)


def test_without_a_running_service_the_error_names_the_folder(tmp_path: Path) -> None:
    record(tmp_path / "redis", "redis://127.0.0.1:4567/0")

    with pytest.raises(NoLocalService, match=f"no service runs from {tmp_path}"):
        tool_settings({"STATE_DIR": str(tmp_path)})
