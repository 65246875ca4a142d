"""ops/docker/make_env.py writes new secrets and valid keys to a file that only its owner can read."""

import stat
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from tests.paths import ROOT
from tests.unit.ops.docker_files import DOCKER, make_env

pytestmark = pytest.mark.starts_processes


@pytest.mark.parametrize(
    ("variable", "role"), [("SUPABASE_KEY", "catalog_reader"), ("SERVICE_ROLE_KEY", "service_role")]
)
def test_a_key_is_signed_with_the_secret_and_names_its_role(variable: str, role: str, tmp_path: Path) -> None:
    environ = make_env(tmp_path / ".env")

    claims = jwt.decode(environ[variable], environ["JWT_SECRET"], algorithms=["HS256"])

    assert claims["role"] == role
    assert claims["iat"] <= time.time() < claims["exp"]


def test_every_secret_is_fresh_and_used_once(tmp_path: Path) -> None:
    first, second = make_env(tmp_path / "first"), make_env(tmp_path / "second")

    values = [*first.values(), *second.values()]

    assert len(set(values)) == len(values)
    assert all(len(value) >= 64 for value in values)


def test_only_the_owner_can_read_the_env_file(tmp_path: Path) -> None:
    make_env(tmp_path / ".env")

    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_an_existing_env_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("POSTGRES_PASSWORD=made-with-it\n")
    command = [sys.executable, str(DOCKER / "make_env.py"), "--output", str(path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert str(path) in done.stderr
    assert path.read_text() == "POSTGRES_PASSWORD=made-with-it\n"


def test_the_demo_comes_with_its_model(tmp_path: Path) -> None:
    environ = make_env(tmp_path / ".env", "--demo")

    assert environ["COMPOSE_PROFILES"] == "demo"
    assert (ROOT / environ["CLIP_MODEL"]).is_dir()


def test_without_an_output_the_env_file_is_in_the_working_directory(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DOCKER / "make_env.py")], cwd=tmp_path, check=True)

    assert (tmp_path / ".env").is_file()
