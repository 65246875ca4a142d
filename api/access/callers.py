"""Who calls: the bearer of an API key, or somebody at an address."""

from dataclasses import dataclass

from starlette.types import Scope

from api.access.client_address import client_address
from api.access.rate_limits import Bucket, read_bucket
from api.contract.http_errors import Unauthorized
from api.keys.key import KeyRecord, Role, id_of
from api.keys.ring import KeyRing
from common.settings import UNLIMITED, Settings

ANONYMOUS = "anonymous"
#: For who brings no valid key, unless ADDRESS_RATE says otherwise.
ANONYMOUS_RATE = "60/minute"
BEARER = "bearer"
NO_KEY = "send an API key as `Authorization: Bearer …` or `X-API-Key`"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    #: To whom the jobs belong that come of it.
    owner: str
    role: Role | None = None
    #: How many jobs may be under way at once; None for any number.
    max_jobs: int | None = None
    bucket: Bucket | None = None

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


def address_rate(settings: Settings) -> str:
    """Return what an address without a valid key may spend."""
    return settings.address_rate or (UNLIMITED if settings.auth == "off" else ANONYMOUS_RATE)


class Callers:
    """Tells callers by what their requests carry."""

    def __init__(self, ring: KeyRing, settings: Settings) -> None:
        self._ring = ring
        self._settings = settings
        self._address_rate = address_rate(settings)

    def at_address(self, scope: Scope) -> Caller:
        """Return the caller that a request without a key has."""
        return Caller(ANONYMOUS, bucket=read_bucket(f"address:{self.address(scope)}", self._address_rate))

    def address(self, scope: Scope) -> str:
        """Return the name of the address from which a request comes."""
        peer = scope["client"][0] if scope.get("client") else None
        forwarded = _values(scope, b"x-forwarded-for")
        return client_address(peer, forwarded, trusted=self._settings.trusted_proxies)

    async def with_key(self, scope: Scope) -> Caller | None:
        """Return the bearer of the key that a request carries, None where it carries none.

        Raises:
            Unauthorized: the key is not valid.
            QueueUnavailable: whether it is cannot be told now.
        """
        if self._settings.auth == "off":
            return None
        presented = presented_key(scope)
        return None if presented is None else self._bearer(await self._ring.recognise(presented))

    def _bearer(self, record: KeyRecord) -> Caller:
        return Caller(
            owner=record.id,
            role=record.role,
            max_jobs=self._settings.max_jobs_per_key,
            bucket=read_bucket(f"key:{record.id}", record.rate or self._settings.key_rate),
        )


def presented_key(scope: Scope) -> str | None:
    """Return what a request carries as its key, None where it carries none.

    A proxy before the gateway may have use for `Authorization` itself: another scheme than Bearer counts
    for nothing here, nor do credentials that are no API key of ours beside one.

    Raises:
        Unauthorized: it carries two.
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
