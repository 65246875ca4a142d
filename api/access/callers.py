"""Identifies the caller of a request as the holder of an API key or as an anonymous client at an address."""

from dataclasses import dataclass

from starlette.types import Scope

from api.access.client_address import client_address
from api.access.rate_limits import Bucket, read_bucket
from api.contract.errors.request_errors import Unauthorized
from api.keys.key import KeyRecord, Role, id_of
from api.keys.verifier import KeyVerifier
from common.settings import UNLIMITED, Settings

ANONYMOUS = "anonymous"
#: The default rate limit of a client without a valid key, unless AUTH is off.
ANONYMOUS_RATE = "60/minute"
BEARER = "bearer"
NO_KEY = "send an API key as `Authorization: Bearer …` or `X-API-Key`"


@dataclass(frozen=True, slots=True)
class Caller:
    """The client of a request, with its role and limits."""

    #: The owner of the jobs that the request creates.
    owner: str
    role: Role | None = None
    #: The maximum number of unfinished jobs that the caller may have at once; None means no limit.
    max_jobs: int | None = None
    bucket: Bucket | None = None

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


def address_rate(settings: Settings) -> str:
    """Return the rate limit of an address whose requests have no valid key."""
    return settings.address_rate or (UNLIMITED if settings.auth == "off" else ANONYMOUS_RATE)


class Callers:
    """Identifies callers by the API key or the address of a request."""

    def __init__(self, keys: KeyVerifier, settings: Settings) -> None:
        self._keys = keys
        self._settings = settings
        self._address_rate = address_rate(settings)

    def at_address(self, scope: Scope) -> Caller:
        """Return the anonymous caller that a request's client address identifies."""
        return Caller(ANONYMOUS, bucket=read_bucket(f"address:{self.address(scope)}", self._address_rate))

    def address(self, scope: Scope) -> str:
        """Return the address, or IPv6 network, under which an anonymous client's requests are counted."""
        peer = scope["client"][0] if scope.get("client") else None
        forwarded = _values(scope, b"x-forwarded-for")
        return client_address(peer, forwarded, trusted=self._settings.trusted_proxies)

    async def with_key(self, scope: Scope) -> Caller | None:
        """Return the caller that the API key of a request identifies, or None if the request has no key.

        Raises:
            Unauthorized: the key is not valid.
            QueueUnavailable: Redis did not answer, so the key could not be checked.
        """
        if self._settings.auth == "off":
            return None
        presented = presented_key(scope)
        return None if presented is None else self._bearer(await self._keys.verify(presented))

    def _bearer(self, record: KeyRecord) -> Caller:
        return Caller(
            owner=record.id,
            role=record.role,
            max_jobs=self._settings.max_jobs_per_key,
            bucket=read_bucket(f"key:{record.id}", record.rate or self._settings.key_rate),
        )


def presented_key(scope: Scope) -> str | None:
    """Return the API key in a request's headers, or None if there is none.

    A proxy in front of the gateway may use the `Authorization` header for its own credentials. Credentials of
    schemes other than Bearer are ignored. A Bearer token that does not have the format of an API key is
    ignored if `X-API-Key` holds a key.

    Raises:
        Unauthorized: the request has two different keys.
    """
    given = _values(scope, b"x-api-key")
    tokens = [value[len(BEARER) :].strip() for value in _values(scope, b"authorization") if _is_bearer(value)]
    given += [token for token in tokens if id_of(token) is not None]
    if len(set(given)) > 1:
        raise Unauthorized("more than one API key was sent")
    return next(iter(given or tokens), None)


def _is_bearer(authorization: str) -> bool:
    return authorization.partition(" ")[0].lower() == BEARER


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for found, value in scope["headers"] if found == name]
