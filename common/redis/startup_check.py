"""What is wrong with a Redis, or with how its URL asks for it, that waiting does not mend.

Each fault is a sentence that begins with the setting's name. A server that does not answer is no such
fault: it may come back.
"""

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, cast

from redis import Redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from common.errors import SettingsError
from common.redis import keyspace
from common.redis.clients import SOCKET_TIMEOUT_S, open_redis
from common.redis.tls_probe import tls_mismatch
from common.settings import Settings
from common.url_validation import NO_CLUSTER, NO_SENTINEL, PERCENT_ENCODING

log = logging.getLogger(__name__)

_Kinds = type[BaseException] | tuple[type[BaseException], ...]

_ACL = "docs/operations.md says what a user of this service must be allowed"
_FIRST_VERSION = 6


def check_redis(settings: Settings) -> None:
    """Ask each Redis of the settings once; one that does not answer is left to whoever needs it.

    Raises:
        SettingsError: a server answers, and will not do.
    """
    _check(settings.redis_url.get_secret_value(), setting="REDIS_URL", try_out=_use_as_broker)
    if settings.cache_redis_url is not None:
        _check(settings.cache_redis_url.get_secret_value(), setting="CACHE_REDIS_URL", try_out=_use_as_cache)


def permanent_error(error: BaseException, *, setting: str) -> SettingsError | None:
    """Return what a failure says of the setting, None where the same call may succeed a moment later."""
    reason = next((reason for cause in _chain(error) if (reason := _reason(cause))), None)
    return None if reason is None else SettingsError(f"{setting}: {reason}")


def described(error: BaseException, *, setting: str) -> str:
    """Return a sentence about a Redis that could not be used."""
    lasting = permanent_error(error, setting=setting)
    if lasting is not None:
        return lasting.detail
    return f"the Redis at {setting} does not answer ({type(error).__name__})"


def require_supported_server(info: Mapping[str, Any], *, setting: str) -> None:
    """Refuse a server for what its INFO says.

    Raises:
        SettingsError: it is part of a cluster, a Sentinel, or too old.
    """
    reason = unsupported_reason(info)
    if reason is not None:
        raise SettingsError(f"{setting}: {reason}")


def unsupported_reason(info: Mapping[str, Any]) -> str | None:
    """Return why a server will not do by what its INFO says."""
    if info.get("cluster_enabled") or info.get("redis_mode") == "cluster":
        return NO_CLUSTER
    if info.get("redis_mode") == "sentinel":
        return NO_SENTINEL
    version = str(info.get("redis_version", _FIRST_VERSION))
    if int(version.partition(".")[0]) < _FIRST_VERSION:
        return f"Redis {version} is too old: version {_FIRST_VERSION} or later is needed"
    return None


def _check(url: str, *, setting: str, try_out: Callable[[Redis], None]) -> None:
    with open_redis(url) as redis:
        try:
            require_supported_server(_info(redis), setting=setting)
            try_out(redis)
        except (RedisError, OSError) as error:
            if (fault := permanent_error(error, setting=setting)) is not None:
                raise fault from error
            if (reason := tls_mismatch(url)) is not None:
                raise SettingsError(f"{setting}: {reason}") from error
            log.warning("Redis does not answer yet", extra={"setting": setting, "error": str(error)})


def _use_as_broker(redis: Redis) -> None:
    """Do what a user of restricted rights may not; a cluster keeps the two names apart."""
    redis.eval("return redis.call('EXISTS', KEYS[1], KEYS[2])", 2, f"{keyspace.JOB}a", f"{keyspace.JOB}b")
    with closing(cast("Any", redis).pubsub()) as pubsub:
        pubsub.subscribe(keyspace.EVENTS)
        pubsub.get_message(timeout=SOCKET_TIMEOUT_S)


def _use_as_cache(redis: Redis) -> None:
    redis.mget(keyspace.result("a"), keyspace.result("b"))


def _info(redis: Redis) -> Mapping[str, Any]:
    info = redis.info()
    assert isinstance(info, dict)  # noqa: S101 - the client is not asynchronous
    return info


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    # redis-py raises its own error while it handles that of the socket.
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str | None:
    return next((told(error) for kind, told in _REASONS if isinstance(error, kind)), None)


def _refusal(answer: str) -> str | None:
    # These have no classes of their own.
    if "cluster mode" in answer or "cluster support enabled" in answer:
        return NO_CLUSTER
    if "DB index is out of range" in answer or "invalid DB index" in answer:
        return "Redis has no database of this number; `databases` in its configuration says how many it has"
    if answer.lower().startswith("unknown command"):
        return f"this server lacks a command of Redis {_FIRST_VERSION} ({answer[:80]})"
    return None


#: The first that fits is taken; MOVED is a kind of ASK.
_REASONS: tuple[tuple[_Kinds, Callable[[Any], str | None]], ...] = (
    # A replica that has lost its primary: it may come back.
    (MasterDownError, lambda _: None),
    ((AskError, ClusterCrossSlotError, ClusterDownError), lambda _: NO_CLUSTER),
    (
        AuthenticationError,
        lambda error: f"Redis refuses the user or the password ({error}); {PERCENT_ENCODING}",
    ),
    (
        NoPermissionError,
        lambda error: f"Redis does not let this user do what is needed ({error}); {_ACL}",
    ),
    (ResponseError, lambda error: _refusal(str(error))),
    (
        ssl.SSLCertVerificationError,
        lambda error: (
            f"the server's certificate is not trusted ({error.verify_message}); ssl_ca_certs=FILE names the "
            "certificate of who signed it"
        ),
    ),
    (
        PermissionError,
        lambda _: "this user may not use the socket; Redis sets its rights with unixsocketperm",
    ),
)
