"""Tests of where a stack stores its state, and of which Redis stores its API keys."""

import json
from pathlib import Path

import psutil
import pytest

from common.errors import SettingsError
from local.options import read_options
from local.running_service.api_keys import with_running_redis
from local.state_folder import DEFAULT_STATE, state_folder

#: The default state folder of a stack, as an absolute path.
HERE = Path(DEFAULT_STATE).absolute()


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({}, HERE),
        ({"PORT": "8000"}, HERE),
        ({"PORT": "9000"}, HERE / "port-9000"),
        ({"PORT": "9000", "STATE_DIR": "/srv/covers"}, Path("/srv/covers")),
    ],
)
def test_each_port_has_its_own_state_folder_by_default(environ: dict[str, str], folder: Path) -> None:
    assert state_folder(environ) == folder
    assert read_options(environ).state == folder


def test_music_has_a_catalog_of_its_own_and_the_production_model(tmp_path: Path) -> None:
    options = read_options({"MUSIC": str(tmp_path)})

    assert options.state == HERE / "music"
    assert options.music == tmp_path
    assert options.demo_albums == 0
    assert options.settings.clip_model == "openai/clip-vit-base-patch32"
    assert options.settings.thumbnail_dir == HERE / "music" / "thumbnails"
    assert options.settings.model_cache_dir == HERE / "models"
    assert read_options({"MUSIC": str(tmp_path), "PORT": "9000"}).state == HERE / "port-9000" / "music"
    assert read_options({"MUSIC": str(tmp_path), "CLIP_MODEL": "own"}).settings.clip_model == "own"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MUSIC": "/no/such/folder"}, "is not a folder"),
        ({"DEMO_ALBUMS": "20"}, "either the music or the demo"),
    ],
)
def test_music_must_exist_and_excludes_the_demo(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        read_options({"MUSIC": str(tmp_path), **changes})


def test_the_demos_thumbnails_are_beside_its_covers() -> None:
    options = read_options({"PORT": "9000"})

    assert options.settings.thumbnail_dir == options.covers.with_name("thumbnails")
    assert options.environ["THUMBNAIL_DIR"] == str(options.settings.thumbnail_dir)


@pytest.mark.parametrize("given", [{}, {"THUMBNAIL_DIR": "/srv/thumbnails"}])
def test_an_own_catalog_has_thumbnails_only_in_the_folder_that_is_set(given: dict[str, str]) -> None:
    settings = read_options({"DATABASE_URL": "postgresql://db/catalog", **given}).settings

    assert settings.thumbnail_dir == (Path(given["THUMBNAIL_DIR"]) if given else None)


def test_an_empty_list_of_public_keys_reaches_the_gateway() -> None:
    options = read_options({"PUBLIC_METADATA": "", "KEY_RATE": ""})

    assert options.settings.public_metadata == ()
    assert options.environ["PUBLIC_METADATA"] == ""
    assert "KEY_RATE" not in options.environ


def test_all_ports_share_the_model_cache() -> None:
    caches = {read_options({"PORT": port}).settings.model_cache_dir for port in ("8000", "9000")}

    assert caches == {HERE / "models"}


def test_keys_are_stored_in_the_running_redis_by_default(tmp_path: Path) -> None:
    environ = {"STATE_DIR": str(tmp_path)}
    assert with_running_redis(environ) == environ

    folder = tmp_path / "redis"
    folder.mkdir()
    (folder / "url").write_text("redis://127.0.0.1:4567/0")
    running = psutil.Process()
    (folder / "child.json").write_text(json.dumps({"pid": running.pid, "started": running.create_time()}))

    assert with_running_redis(environ)["REDIS_URL"] == "redis://127.0.0.1:4567/0"
    elsewhere = {**environ, "REDIS_URL": "redis://redis.example:6379/0"}
    assert with_running_redis(elsewhere) == elsewhere


@pytest.mark.parametrize("record", [None, {"pid": 1, "started": 0.0}, {"pid": 999_999_999, "started": 0.0}])
def test_the_record_of_a_killed_redis_is_ignored(tmp_path: Path, record: dict[str, float] | None) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    (folder / "url").write_text("redis://127.0.0.1:4567/0")
    if record is not None:
        (folder / "child.json").write_text(json.dumps(record))

    environ = {"STATE_DIR": str(tmp_path)}

    assert with_running_redis(environ) == environ


@pytest.mark.parametrize(("name", "least"), [("WORKERS", 1), ("DEMO_ALBUMS", 0)])
@pytest.mark.parametrize("value", ["-1", "1_0", " 1", "\u0661", "1.0", "many"])
def test_a_malformed_number_is_named(name: str, least: int, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: a whole number of at least {least}"):
        read_options({name: value})


def test_at_least_one_worker_is_needed() -> None:
    with pytest.raises(SettingsError, match="WORKERS: a whole number of at least 1, not '0'"):
        read_options({"WORKERS": "0"})
