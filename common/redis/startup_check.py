"""Checks each Redis server at startup; a server that this service cannot use stops the process.

A server that does not answer does not stop the process, because the server may still be starting.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from common.errors import SettingsError
from common.redis import keyspace
from common.redis.clients import SOCKET_TIMEOUT_S, connection_options, open_redis
from common.redis.errors import FIRST_VERSION, permanent_error
from common.settings import Settings
from common.validation.strict_numbers import read_whole_number
from common.validation.urls import NO_CLUSTER, NO_SENTINEL

log = logging.getLogger(__name__)

#: OpenSSL's error reasons for handshakes that fail because the server requires a client certificate.
_CLIENT_REFUSED = frozenset(
    {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE"}
    | {"SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_CERTIFICATE_EXPIRED"}
)


def check_redis(settings: Settings) -> None:
    """Check each Redis in the settings once; ignore a server that does not answer.

    Raises:
        SettingsError: a server answers but cannot be used.
    """
    _check(settings.redis_url.get_secret_value(), setting="REDIS_URL", use=_use_as_broker)
    if settings.cache_redis_url is not None:
        _check(settings.cache_redis_url.get_secret_value(), setting="CACHE_REDIS_URL", use=_use_as_cache)


def require_supported_server(info: Mapping[str, Any], *, setting: str) -> None:
    """Raise an error if a server's INFO shows that the server is not supported.

    Raises:
        SettingsError: the server is part of a cluster, is a Sentinel, or is too old.
    """
    reason = unsupported_reason(info)
    if reason is not None:
        raise SettingsError(f"{setting}: {reason}")


def unsupported_reason(info: Mapping[str, Any]) -> str | None:
    """Return why a server with this INFO is not supported, or None if it is supported."""
    if info.get("cluster_enabled") or info.get("redis_mode") == "cluster":
        return NO_CLUSTER
    if info.get("redis_mode") == "sentinel":
        return NO_SENTINEL
    version = str(info.get("redis_version", FIRST_VERSION))
    try:
        is_old = read_whole_number(version.partition(".")[0]) < FIRST_VERSION
    except ValueError:
        return f"Redis {version} has no numbered version: version {FIRST_VERSION} or later is needed"
    if is_old:
        return f"Redis {version} is too old: version {FIRST_VERSION} or later is needed"
    return None


def _check(url: str, *, setting: str, use: Callable[[Redis], None]) -> None:
    with open_redis(url) as redis:
        try:
            info = redis.info()
            assert isinstance(info, dict)  # noqa: S101 - the client is not asynchronous
            require_supported_server(info, setting=setting)
            use(redis)
        except (RedisError, OSError) as error:
            if (permanent := permanent_error(error, setting=setting)) is not None:
                raise permanent from error
            if (reason := _tls_mismatch(url)) is not None:
                raise SettingsError(f"{setting}: {reason}") from error
            log.warning("Redis does not answer yet", extra={"setting": setting, "error": str(error)})


def _use_as_broker(redis: Redis) -> None:
    """Run a script and subscribe to a channel, to check that the Redis user has these permissions.

    The two keys of the script have different hash slots, so that a cluster refuses the script.
    """
    redis.eval("return redis.call('EXISTS', KEYS[1], KEYS[2])", 2, f"{keyspace.JOB}a", f"{keyspace.JOB}b")
    with closing(cast("Any", redis).pubsub()) as pubsub:
        pubsub.subscribe(keyspace.EVENTS)
        pubsub.get_message(timeout=SOCKET_TIMEOUT_S)


def _use_as_cache(redis: Redis) -> None:
    redis.mget(keyspace.result("a"), keyspace.result("b"))


def _tls_mismatch(url: str) -> str | None:
    """If only the client or only the server uses TLS, return advice on how to correct the URL, else None.

    If only one side uses TLS, the connection times out or is closed without an error, so the server is probed
    both with and without TLS. The probes send no password.
    """
    options = connection_options(url)
    address = options.get("host", "localhost"), options.get("port", 6379)
    try:
        if url.startswith("redis://"):
            _tls_handshake(address)
            return "the server speaks TLS: write rediss:// instead of redis://"
        if url.startswith("rediss://"):
            return _tls_fault(address, options)
    except OSError:
        # The server does not answer either with or without TLS.
        return None
    return None


def _tls_fault(address: tuple[str, int], options: dict[str, Any]) -> str | None:
    if _answers_without_tls(address):
        return "the server does not speak TLS: write redis:// instead of rediss://"
    try:
        _tls_handshake(address, options)
    except ssl.SSLError as error:
        if error.reason in _CLIENT_REFUSED:
            return (
                f"the server requires a client certificate, or refuses the one that it got ({error.reason}); "
                "ssl_certfile=FILE and ssl_keyfile=FILE name it"
            )
    return None


def _tls_handshake(address: tuple[str, int], options: dict[str, Any] | None = None) -> None:
    """Make a TLS handshake without verifying the server; raise an error if the server refuses the client."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options is not None and "ssl_certfile" in options:
        password = options.get("ssl_password", "")
        context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"), password)
    with socket.create_connection(address, SOCKET_TIMEOUT_S) as plain, context.wrap_socket(plain) as wrapped:
        if options is not None:
            # With TLS 1.3 a server checks the client's certificate only after the handshake.
            wrapped.recv(1)


def _answers_without_tls(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, SOCKET_TIMEOUT_S) as plain:
        plain.sendall(b"PING\r\n")
        try:
            return plain.recv(1) in {b"+", b"-"}
        except ConnectionError:
            return False
