"""Recognizes permanent errors of a Redis client, and says what the operator has to change.

A permanent error (a wrong password, a missing permission, a server in a cluster) lasts until the operator
changes something. The message of a permanent error begins with the name of the setting. A connection error is
not permanent, because the server can come back.
"""

import ssl
from collections.abc import Callable, Iterator

from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    ResponseError,
)

from common.errors import SettingsError
from common.validation.urls import NO_CLUSTER, PERCENT_ENCODING

#: The oldest major version of Redis with all commands that this service uses.
FIRST_VERSION = 6

_ErrorTypes = type[BaseException] | tuple[type[BaseException], ...]

_ACL = "docs/operations.md lists all of them"


def permanent_error(error: BaseException, *, setting: str) -> SettingsError | None:
    """Return an error that names the faulty setting, or None if the same call can succeed later."""
    reason = next((reason for cause in _causes(error) if (reason := _permanent_reason(cause))), None)
    return None if reason is None else SettingsError(f"{setting}: {reason}")


def describe_error(error: BaseException, *, setting: str) -> str:
    """Return a sentence that tells the operator why a Redis server could not be used."""
    permanent = permanent_error(error, setting=setting)
    if permanent is not None:
        return permanent.detail
    return f"the Redis at {setting} does not answer ({type(error).__name__})"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # The cause can be in `__context__`, because redis-py raises its own error while handling an error of the
    # socket.
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _permanent_reason(error: BaseException) -> str | None:
    return next((reason(error) for types, reason in _REASONS if isinstance(error, types)), None)


def _reason_of_refusal(answer: str) -> str | None:
    # Some errors of Redis are recognized by their text, because redis-py has no exception classes for them.
    if "cluster mode" in answer or "cluster support enabled" in answer:
        return NO_CLUSTER
    if "DB index is out of range" in answer or "invalid DB index" in answer:
        return "Redis has no database of this number; `databases` in its configuration says how many it has"
    if answer.lower().startswith("unknown command"):
        return f"this server lacks a command of Redis {FIRST_VERSION} ({answer[:80]})"
    return None


#: Maps error types to functions that return an error's reason; the first matching type is used. `MovedError`
#: is a subclass of `AskError`.
_REASONS: tuple[tuple[_ErrorTypes, Callable[..., str | None]], ...] = (
    # `MasterDownError` is not permanent: a replica that has lost its primary raises it, and the primary can
    # come back.
    (MasterDownError, lambda _: None),
    ((AskError, ClusterCrossSlotError, ClusterDownError), lambda _: NO_CLUSTER),
    (
        AuthenticationError,
        lambda error: f"Redis refuses the user or the password ({error}); {PERCENT_ENCODING}",
    ),
    (
        NoPermissionError,
        lambda error: f"Redis denies this user a permission that the service needs ({error}); {_ACL}",
    ),
    (ResponseError, lambda error: _reason_of_refusal(str(error))),
    (
        ssl.SSLCertVerificationError,
        lambda error: (
            f"the server's certificate is not trusted ({error.verify_message}); ssl_ca_certs=FILE names the "
            "certificate of the authority that signed it"
        ),
    ),
    (
        PermissionError,
        lambda _: "this user has no permission to open the socket; Redis sets its rights with unixsocketperm",
    ),
)
