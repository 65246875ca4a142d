"""Who is let in: the key, the rate limit, and to whom the jobs of a request belong.

Everything under /api/ passes here, so that no new endpoint is open by being forgotten. /health and
/readyz are open to all, and tell the bearer of an admin key more.
"""

from contextlib import suppress

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.callers import ANONYMOUS, NO_KEY, Caller, Callers, address_rate
from api.access.rate_limits import UNLIMITED_BUDGET, Budget, RateLimits, UnlimitedBudget
from api.contract.http_errors import Forbidden, Unauthorized
from api.contract.openapi import GUARDED
from api.contract.problems import error_response
from common.errors import CoverSearchError, QueueUnavailable
from common.settings import UNLIMITED, Settings

ADMINS_ONLY = "why a part is not well is told to the bearers of admin keys"
TELLS_ADMINS_MORE = frozenset({"/health", "/readyz"})


def is_guarded(settings: Settings) -> bool:
    """Tell whether anything is asked of clients; if not, nothing is spent on it."""
    return settings.auth != "off" or address_rate(settings) != UNLIMITED


def owner_of(request: Request) -> str:
    """Return to whom the jobs of this request belong."""
    caller = _caller_of(request)
    return caller.owner if caller else ANONYMOUS


def client_of(request: Request) -> str:
    """Return who takes turns with others: a key's owner or, of jobs that belong to nobody, an address."""
    owner = owner_of(request)
    return owner if owner != ANONYMOUS else f"address:{_address_of(request)}"


def idempotency_name(request: Request, idempotency_key: str) -> str:
    """Return an Idempotency-Key that is unique to the client: anonymous clients share one owner."""
    if owner_of(request) != ANONYMOUS:
        return idempotency_key
    # A client's key has no space in it.
    return f"{_address_of(request)} {idempotency_key}"


def _address_of(request: Request) -> str:
    access: AccessPolicy = request.app.state.gateway.access
    return access.address(request.scope)


def max_jobs_of(request: Request) -> int | None:
    """Return how many jobs the caller may have under way at once, None for any number."""
    caller = _caller_of(request)
    return caller.max_jobs if caller else None


def sees_details(request: Request, settings: Settings, *, insists: bool = False) -> bool:
    """Tell whether the caller may know why the service is not well.

    Raises:
        Unauthorized, Forbidden: the caller may not, and insists.
    """
    caller = _caller_of(request)
    if settings.auth == "off" or (caller is not None and caller.is_admin):
        return True
    if insists:
        raise Unauthorized(NO_KEY) if caller is None else Forbidden(ADMINS_ONLY)
    return False


def budget_of(request: Request) -> Budget | UnlimitedBudget:
    """Return what the caller may still spend."""
    budget: Budget | None = request.scope.get("budget")
    return UNLIMITED_BUDGET if budget is None else budget


def _caller_of(request: Request) -> Caller | None:
    caller: Caller | None = request.scope.get("caller")
    return caller


class AccessPolicy:
    """Decides about each request."""

    def __init__(self, callers: Callers, limits: RateLimits, *, requires_key: bool) -> None:
        self._callers = callers
        self._limits = limits
        self._requires_key = requires_key

    async def admit(self, scope: Scope) -> None:
        """Write into the scope who calls, and what is left of the caller's budget.

        Raises:
            Unauthorized, RateLimited, QueueUnavailable
        """
        try:
            caller = await self._key_or_address(scope)
        except Unauthorized:
            await self._charge_guess(scope)
            raise
        scope["caller"] = caller
        await self._charge(scope, caller)

    def address(self, scope: Scope) -> str:
        """Return the name of the address from which a request comes."""
        return self._callers.address(scope)

    async def _key_or_address(self, scope: Scope) -> Caller:
        caller = await self._callers.with_key(scope)
        if caller is None and self._requires_key:
            raise Unauthorized(NO_KEY)
        return caller or self._callers.at_address(scope)

    async def recognise(self, scope: Scope) -> None:
        """Write into the scope who calls, where a key says it and can be checked.

        Raises:
            Unauthorized: the key is not valid.
            RateLimited: and neither were too many before it.
        """
        # How the service is, is told also when Redis does not answer.
        with suppress(QueueUnavailable):
            try:
                scope["caller"] = await self._callers.with_key(scope)
            except Unauthorized:
                await self._charge_guess(scope)
                raise

    async def _charge_guess(self, scope: Scope) -> None:
        await self._charge(scope, self._callers.at_address(scope))

    async def _charge(self, scope: Scope, caller: Caller) -> None:
        if caller.bucket is not None:
            scope["budget"] = Budget(self._limits, caller.bucket)
            await scope["budget"].enter()


class AccessMiddleware:
    """Let requests in, or say why not; tell each client how it stands."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_quota(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(_quota_headers(scope))
            await send(message)

        try:
            await self._decide(scope)
        except CoverSearchError as error:
            await error_response(error)(scope, receive, send_with_quota)
            return
        await self._app(scope, receive, send_with_quota)

    async def _decide(self, scope: Scope) -> None:
        access: AccessPolicy = scope["app"].state.gateway.access
        if scope["path"].startswith(GUARDED):
            await access.admit(scope)
        elif scope["path"] in TELLS_ADMINS_MORE:
            await access.recognise(scope)


def _quota_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    budget: Budget | None = scope.get("budget")
    quota = budget.quota if budget else None
    if quota is None:
        return []
    return [
        (b"ratelimit-limit", str(quota.limit).encode()),
        (b"ratelimit-remaining", str(quota.remaining).encode()),
        (b"ratelimit-reset", str(quota.reset_s).encode()),
    ]
