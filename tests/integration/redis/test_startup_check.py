"""A process with an unusable Redis stops at startup, and names the setting and the remedy."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

import pytest
from redis.exceptions import RedisError

from common.errors import SettingsError
from common.redis.clients import open_redis
from common.redis.durability import durability_faults
from common.redis.startup_check import check_redis
from common.settings import load_settings
from local.servers.redis import RedisServer, find_redis
from local.servers.server import free_port
from tests.integration.redis.server_variants import (
    PASSWORD,
    SPECIAL,
    Certificates,
    RedisFolder,
    redis_cluster,
    redis_with_user,
    with_password,
)
from tests.paths import ROOT
from tests.polling import eventually

#: Runs a command as a user that can read every file, even root's, but may write to none of them.
AS_NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
)
CHECK = """
import sys
from common.redis.startup_check import check_redis
from common.settings import load_settings
check_redis(load_settings({"REDIS_URL": sys.argv[1]}))
"""


@pytest.fixture
def redis_folder(tmp_path: Path, certificates: Certificates) -> Iterator[RedisFolder]:
    with ExitStack() as stack:
        yield RedisFolder(tmp_path / "redis", certificates, stack)


def cluster(redis_folder: RedisFolder) -> str:
    return redis_folder.stack.enter_context(redis_cluster(redis_folder.folder))


def sentinel(redis_folder: RedisFolder) -> str:
    port = free_port()
    redis_folder.folder.mkdir()
    configuration = redis_folder.folder / "sentinel.conf"
    configuration.write_text(f"port {port}\nbind 127.0.0.1\ndir {redis_folder.folder}\n")
    process = subprocess.Popen(
        [str(find_redis()), str(configuration), "--sentinel"], stdout=subprocess.DEVNULL
    )
    redis_folder.stack.callback(process.wait)
    redis_folder.stack.callback(process.terminate)
    url = f"redis://127.0.0.1:{port}/0"
    eventually(lambda: _answers(url), within_s=20)
    return url


def wrong_password(redis_folder: RedisFolder) -> str:
    return with_password(redis_folder).replace(PASSWORD, "hunter2")


def no_password(redis_folder: RedisFolder) -> str:
    return with_password(redis_folder).replace(f":{PASSWORD}@", "")


def unknown_user(redis_folder: RedisFolder) -> str:
    return redis_folder.plain().replace("://", "://somebody:hunter2@")


def user_without(*rules: str) -> Callable[[RedisFolder], str]:
    def url(redis_folder: RedisFolder) -> str:
        server = redis_folder.stack.enter_context(redis_with_user(redis_folder.folder, *rules))
        return server.url.replace("://", f"://cover:{PASSWORD}@")

    return url


FAULTS: dict[str, tuple[Callable[[RedisFolder], str], str]] = {
    "cluster": (cluster, "Redis Cluster is not supported"),
    "cluster, database 1": (
        lambda redis_folder: cluster(redis_folder).removesuffix("0") + "1",
        "Redis Cluster is not",
    ),
    "sentinel": (sentinel, "Redis Sentinel is not supported"),
    "wrong password": (wrong_password, "percent-encoded"),
    "no password": (no_password, "refuses the user or the password"),
    "a password where none is set": (unknown_user, "refuses the user or the password"),
    "no scripts": (user_without("~*", "&*", "+@all", "-@scripting"), "denies this user a permission"),
    "no channels": (user_without("~*", "resetchannels", "+@all"), "denies this user a permission"),
    "no keys": (user_without("~other:*", "&*", "+@all"), "docs/operations.md"),
    "no such database": (
        lambda redis_folder: redis_folder.plain().removesuffix("0") + "99",
        "no database of this number",
    ),
    "a certificate of a stranger": (
        lambda redis_folder: f"rediss://localhost:{redis_folder.tls()}",
        "ssl_ca_certs=FILE",
    ),
    "a certificate of another host": (
        lambda redis_folder: (
            f"rediss://127.0.0.2:{redis_folder.tls(bind='127.0.0.2')}?{redis_folder.trusted}"
        ),
        "not trusted",
    ),
    "no client certificate": (
        lambda redis_folder: (
            f"rediss://localhost:{redis_folder.tls(asks_clients='yes')}?{redis_folder.trusted}"
        ),
        "ssl_certfile=FILE",
    ),
    "TLS to a port without": (
        lambda redis_folder: redis_folder.plain().replace("redis:", "rediss:"),
        "write redis://",
    ),
    "no TLS to a port with it": (
        lambda redis_folder: f"redis://localhost:{redis_folder.tls()}",
        "write rediss://",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unusable_server_is_refused_with_the_name_of_the_setting(
    redis_folder: RedisFolder, fault: str
) -> None:
    make_url, says = FAULTS[fault]
    url = make_url(redis_folder)

    with pytest.raises(SettingsError) as refused:
        check_redis(load_settings({"REDIS_URL": url}))

    assert refused.value.detail.startswith("REDIS_URL: ")
    assert says in refused.value.detail
    assert "hunter2" not in refused.value.detail
    assert SPECIAL not in refused.value.detail


@pytest.mark.parametrize("fault", ["cluster", "wrong password", "a certificate of a stranger"])
def test_the_cache_redis_is_checked(redis_folder: RedisFolder, fault: str, redis_server: RedisServer) -> None:
    make_url, says = FAULTS[fault]
    settings = load_settings({"REDIS_URL": redis_server.url, "CACHE_REDIS_URL": make_url(redis_folder)})

    with pytest.raises(SettingsError, match=r"^CACHE_REDIS_URL: ") as refused:
        check_redis(settings)

    assert says in refused.value.detail


def test_an_inaccessible_socket_is_reported(redis_folder: RedisFolder) -> None:
    url = f"unix://{redis_folder.socket()}"
    Path(unquote(url.removeprefix("unix://"))).chmod(0o400)
    # Root can use every socket, so the command runs as another user.
    prefix = AS_NOBODY if os.geteuid() == 0 else ()

    done = subprocess.run(
        [*prefix, sys.executable, "-B", "-c", CHECK, url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "REDIS_URL: this user has no permission to open the socket" in done.stderr


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1", "unix:///no/such/socket", "redis://no.such.host.invalid"]
)
def test_an_unreachable_server_passes_the_startup_check(url: str) -> None:
    check_redis(load_settings({"REDIS_URL": url}))


def test_a_cluster_that_is_found_later_is_a_durability_fault(redis_folder: RedisFolder) -> None:
    with open_redis(cluster(redis_folder)) as redis:
        info = redis.info()

    assert any(
        "Redis Cluster is not supported" in fault for fault in durability_faults(info, shares_cache=True)
    )


@pytest.mark.parametrize("module", ["api", "worker"])
def test_a_process_with_an_unusable_redis_exits_with_the_error(
    redis_folder: RedisFolder, module: str
) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": cluster(redis_folder),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "ENCODER": "fixed",
        "PORT": "0",
    }

    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].partition(": ")[2].startswith("REDIS_URL: Redis Cluster")


@pytest.mark.parametrize(
    "command", [["api.keys", "list"], ["worker.health"], ["catalog", "delete", "1"], ["catalog", "ingest"]]
)
def test_a_tool_reports_an_unusable_redis(
    redis_folder: RedisFolder, command: list[str], database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("id,artist,album_name\n1,A,B\n")
    extra = ["t.csv", "--covers", ".", "--distributed"] if command[-1] == "ingest" else []
    environ = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": wrong_password(redis_folder),
        "DATABASE_URL": database_url,
        "COLUMNS": "200",
    }

    done = subprocess.run(
        [sys.executable, "-m", *command, *extra],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode in {1, 2}
    assert "REDIS_URL: Redis refuses the user or the password" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def _answers(url: str) -> bool:
    try:
        with open_redis(url) as redis:
            return bool(redis.info())
    except (RedisError, OSError):
        return False
