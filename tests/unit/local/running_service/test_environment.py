"""`make env` prints the settings that the running service has recorded."""

import json
import os
from pathlib import Path

import psutil
import pytest

from local.errors import NoLocalService, StateFolderUnusable
from local.running_service.environment import tool_settings
from local.running_service.recorded_settings import forget_tool_settings, record_tool_settings
from local.state_folder import TOOL_SETTINGS

SERVICE = {
    "REDIS_URL": "redis://127.0.0.1:4567/0",
    "DATABASE_URL": "postgresql://postgres:secret@127.0.0.1:4568/postgres",
    "CLIP_MODEL": "/models/own",
    "MODEL_CACHE_DIR": "/models/exported",
}


def test_the_settings_are_those_of_the_service_not_of_the_terminal(tmp_path: Path) -> None:
    record_tool_settings(tmp_path, {**SERVICE, "PATH": "/bin", "ENCODER": ""})
    of_an_earlier_start = {"REDIS_URL": "redis://127.0.0.1:1/0", "CLIP_MODEL": "/models/other"}

    assert tool_settings({"STATE_DIR": str(tmp_path), **of_an_earlier_start}) == SERVICE


def test_an_empty_list_of_public_keys_is_recorded(tmp_path: Path) -> None:
    record_tool_settings(tmp_path, {**SERVICE, "PUBLIC_METADATA": ""})

    assert tool_settings({"STATE_DIR": str(tmp_path)}) == {**SERVICE, "PUBLIC_METADATA": ""}


def test_only_the_owner_can_read_the_record(tmp_path: Path) -> None:
    record_tool_settings(tmp_path, SERVICE)

    assert (tmp_path / TOOL_SETTINGS).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("pid", [None, 999_999_999, os.getpid()], ids=["none", "ended", "reused"])
def test_the_error_names_the_folder_if_no_service_runs(tmp_path: Path, pid: int | None) -> None:
    if pid is not None:
        # The process id of a service that was killed can belong to another process now.
        record = {"pid": pid, "started": psutil.Process().create_time() - 1, "settings": SERVICE}
        (tmp_path / TOOL_SETTINGS).write_text(json.dumps(record))

    with pytest.raises(NoLocalService, match=f"no service runs from {tmp_path}"):
        tool_settings({"STATE_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    "written",
    [
        *(b"null", b"[]", b"5", b'"text"', b"{}", b"\xff\xfe", b"[" * 100_000),
        *(b'{"pid": "1"}', b'{"pid": -1, "started": 1}', b'{"pid": 1%030d, "started": 1}' % 0),
        *(b"{SELF}", b'{SELF, "settings": []}', b'{SELF, "settings": {"REDIS_URL": 5}}'),
        b'{SELF, "settings": {"X=1; rm -r x; Y": "1"}}',
    ],
    ids=lambda written: written[:60],
)
def test_a_damaged_record_is_ignored(tmp_path: Path, written: bytes) -> None:
    running = f'"pid": {os.getpid()}, "started": {psutil.Process().create_time()!r}'
    (tmp_path / TOOL_SETTINGS).write_bytes(written.replace(b"SELF", running.encode()))

    with pytest.raises(NoLocalService, match=f"no service runs from {tmp_path}"):
        tool_settings({"STATE_DIR": str(tmp_path)})


@pytest.mark.parametrize("written", ["", '{"pid": 1, "sta'])
def test_an_incomplete_record_of_a_killed_service_is_ignored(tmp_path: Path, written: str) -> None:
    (tmp_path / TOOL_SETTINGS).write_text(written)

    with pytest.raises(NoLocalService, match=f"no service runs from {tmp_path}"):
        tool_settings({"STATE_DIR": str(tmp_path)})


def test_a_service_that_stops_removes_its_record(tmp_path: Path) -> None:
    record_tool_settings(tmp_path, SERVICE)

    forget_tool_settings(tmp_path)

    assert not (tmp_path / TOOL_SETTINGS).exists()


@pytest.mark.timeout(10)
def test_a_record_that_is_a_pipe_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / TOOL_SETTINGS)

    with pytest.raises(StateFolderUnusable, match="it is not a regular file"):
        tool_settings({"STATE_DIR": str(tmp_path)})
