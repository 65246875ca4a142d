"""An unusable Redis stops a process at startup, with the setting and its remedy."""

import os
import subprocess
import sys
import time
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
    Place,
    redis_cluster,
    redis_with_user,
    with_password,
)
from tests.paths import ROOT

#: This user can read folders of root, such as that of the interpreter, and write nowhere.
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
def place(tmp_path: Path, certificates: Certificates) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path / "redis", certificates, stack)


def cluster(place: Place) -> str:
    return place.stack.enter_context(redis_cluster(place.folder))


def sentinel(place: Place) -> str:
    port = free_port()
    place.folder.mkdir()
    configuration = place.folder / "sentinel.conf"
    configuration.write_text(f"port {port}\nbind 127.0.0.1\ndir {place.folder}\n")
    process = subprocess.Popen(
        [str(find_redis()), str(configuration), "--sentinel"], stdout=subprocess.DEVNULL
    )
    place.stack.callback(process.wait)
    place.stack.callback(process.terminate)
    url = f"redis://127.0.0.1:{port}/0"
    deadline = time.monotonic() + 20
    while not _answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return url


def wrong_password(place: Place) -> str:
    return with_password(place).replace(PASSWORD, "hunter2")


def no_password(place: Place) -> str:
    return with_password(place).replace(f":{PASSWORD}@", "")


def unknown_user(place: Place) -> str:
    return place.plain().replace("://", "://somebody:hunter2@")


def user_without(*rules: str) -> Callable[[Place], str]:
    def url(place: Place) -> str:
        server = place.stack.enter_context(redis_with_user(place.folder, *rules))
        return server.url.replace("://", f"://cover:{PASSWORD}@")

    return url


FAULTS: dict[str, tuple[Callable[[Place], str], str]] = {
    "cluster": (cluster, "Redis Cluster is not supported"),
    "cluster, database 1": (lambda place: cluster(place).removesuffix("0") + "1", "Redis Cluster is not"),
    "sentinel": (sentinel, "Redis Sentinel is not supported"),
    "wrong password": (wrong_password, "percent-encoded"),
    "no password": (no_password, "refuses the user or the password"),
    "a password where none is set": (unknown_user, "refuses the user or the password"),
    "no scripts": (user_without("~*", "&*", "+@all", "-@scripting"), "does not let this user"),
    "no channels": (user_without("~*", "resetchannels", "+@all"), "does not let this user"),
    "no keys": (user_without("~other:*", "&*", "+@all"), "docs/operations.md"),
    "no such database": (lambda place: place.plain().removesuffix("0") + "99", "no database of this number"),
    "a certificate of a stranger": (lambda place: f"rediss://localhost:{place.tls()}", "ssl_ca_certs=FILE"),
    "a certificate of another host": (
        lambda place: f"rediss://127.0.0.2:{place.tls(bind='127.0.0.2')}?{place.trusted}",
        "not trusted",
    ),
    "no client certificate": (
        lambda place: f"rediss://localhost:{place.tls(asks_clients='yes')}?{place.trusted}",
        "ssl_certfile=FILE",
    ),
    "TLS to a port without": (lambda place: place.plain().replace("redis:", "rediss:"), "write redis://"),
    "no TLS to a port with it": (lambda place: f"redis://localhost:{place.tls()}", "write rediss://"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unusable_server_is_refused_with_the_name_of_the_setting(place: Place, fault: str) -> None:
    make_url, says = FAULTS[fault]
    url = make_url(place)

    with pytest.raises(SettingsError) as refused:
        check_redis(load_settings({"REDIS_URL": url}))

    assert refused.value.detail.startswith("REDIS_URL: ")
    assert says in refused.value.detail
    assert "hunter2" not in refused.value.detail
    assert SPECIAL not in refused.value.detail


@pytest.mark.parametrize("fault", ["cluster", "wrong password", "a certificate of a stranger"])
def test_the_cache_redis_is_checked(place: Place, fault: str, redis_server: RedisServer) -> None:
    make_url, says = FAULTS[fault]
    settings = load_settings({"REDIS_URL": redis_server.url, "CACHE_REDIS_URL": make_url(place)})

    with pytest.raises(SettingsError, match=r"^CACHE_REDIS_URL: ") as refused:
        check_redis(settings)

    assert says in refused.value.detail


def test_an_inaccessible_socket_is_reported(place: Place) -> None:
    url = f"unix://{place.socket()}"
    Path(unquote(url.removeprefix("unix://"))).chmod(0o400)
    # Root can use every socket.
    prefix = AS_NOBODY if os.geteuid() == 0 else ()

    done = subprocess.run(
        [*prefix, sys.executable, "-B", "-c", CHECK, url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "REDIS_URL: this user may not use the socket" in done.stderr


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1", "unix:///no/such/socket", "redis://no.such.host.invalid"]
)
def test_an_unreachable_server_passes_the_startup_check(url: str) -> None:
    check_redis(load_settings({"REDIS_URL": url}))


def test_a_cluster_that_is_found_later_is_a_durability_fault(place: Place) -> None:
    with open_redis(cluster(place)) as redis:
        info = redis.info()

    assert any(
        "Redis Cluster is not supported" in fault for fault in durability_faults(info, shares_cache=True)
    )


@pytest.mark.parametrize("module", ["api", "worker"])
def test_a_process_with_an_unusable_redis_exits_with_the_error(place: Place, module: str) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": cluster(place),
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
    place: Place, command: list[str], database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("id,artist,album_name\n1,A,B\n")
    extra = ["t.csv", "--covers", ".", "--distributed"] if command[-1] == "ingest" else []
    environ = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": wrong_password(place),
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
