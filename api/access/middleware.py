"""Middleware that authenticates each request, applies rate limits and determines the owner of new jobs.

Every path under /api/ is checked, so a new endpoint is protected by default. The endpoints /health and
/readyz are open to everyone, and a caller with an admin key also sees why a part of the service is not ready.
"""

from contextlib import suppress

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.callers import ANONYMOUS, NO_KEY, Caller, Callers, address_rate
from api.access.rate_limits import UNLIMITED_BUDGET, Budget, RateLimits, UnlimitedBudget
from api.contract.errors.problem_details import error_response
from api.contract.errors.request_errors import Forbidden, Unauthorized
from api.contract.openapi.document import GUARDED
from common.errors import CoverSearchError, QueueUnavailable
from common.settings import UNLIMITED, Settings

ADMINS_ONLY = "only an admin key may see why a part is not ready"
FIGURES_FOR_ADMINS = "only an admin key may see the live figures of the service"
INGESTS_FOR_ADMINS = "only an admin key may see the progress of ingests"
DETAILED_FOR_ADMINS = frozenset({"/health", "/readyz"})


def is_guarded(settings: Settings) -> bool:
    """Tell whether API keys or a rate limit are in use; otherwise the application omits this middleware."""
    return settings.auth != "off" or address_rate(settings) != UNLIMITED


def owner_of(request: Request) -> str:
    """Return the owner of the jobs that this request creates."""
    caller = _caller_of(request)
    return caller.owner if caller else ANONYMOUS


def client_of(request: Request) -> str:
    """Return the client's name for fair scheduling of image decoding: its key's id, or else its address."""
    owner = owner_of(request)
    return owner if owner != ANONYMOUS else f"address:{_address_of(request)}"


def idempotency_name(request: Request, idempotency_key: str) -> str:
    """Return the Idempotency-Key of a request; for an anonymous client, its address is prepended.

    All anonymous clients have the same owner, so the keys of two of them could collide without the address.
    """
    if owner_of(request) != ANONYMOUS:
        return idempotency_key
    # A client's Idempotency-Key contains no space, so it cannot equal an address, a space and a key.
    return f"{_address_of(request)} {idempotency_key}"


def _address_of(request: Request) -> str:
    access: AccessPolicy = request.app.state.gateway.access
    return access.address(request.scope)


def max_jobs_of(request: Request) -> int | None:
    """Return the maximum number of unfinished jobs that the caller may have at once, or None for no limit."""
    caller = _caller_of(request)
    return caller.max_jobs if caller else None


def sees_details(request: Request, settings: Settings, *, insists: bool = False) -> bool:
    """Tell whether the caller may see why a part of the service is not ready.

    Raises:
        Unauthorized, Forbidden: the caller asked for the details but may not see them.
    """
    if insists:
        check_admin(request, settings, refusal=ADMINS_ONLY)
    return _is_admin(request, settings)


def check_admin(request: Request, settings: Settings, *, refusal: str) -> None:
    """Check that the caller has an admin key; with AUTH=off every caller passes.

    Raises:
        Unauthorized: the request has no key.
        Forbidden: the key has another role; its detail is `refusal`.
    """
    if not _is_admin(request, settings):
        caller = _caller_of(request)
        raise Unauthorized(NO_KEY) if caller is None or caller.role is None else Forbidden(refusal)


def _is_admin(request: Request, settings: Settings) -> bool:
    caller = _caller_of(request)
    return settings.auth == "off" or (caller is not None and caller.is_admin)


def budget_of(request: Request) -> Budget | UnlimitedBudget:
    """Return the rate-limit budget of the caller."""
    budget: Budget | None = request.scope.get("budget")
    return UNLIMITED_BUDGET if budget is None else budget


def _caller_of(request: Request) -> Caller | None:
    caller: Caller | None = request.scope.get("caller")
    return caller


class AccessPolicy:
    """Authenticates and charges each request."""

    def __init__(self, callers: Callers, limits: RateLimits, *, requires_key: bool) -> None:
        self._callers = callers
        self._limits = limits
        self._requires_key = requires_key

    async def admit(self, scope: Scope) -> None:
        """Charge the caller for a request, and store the caller and the caller's budget in the ASGI scope.

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
        """Return the address, or IPv6 network, under which an anonymous client's requests are counted."""
        return self._callers.address(scope)

    async def _key_or_address(self, scope: Scope) -> Caller:
        caller = await self._callers.with_key(scope)
        if caller is None and self._requires_key:
            raise Unauthorized(NO_KEY)
        return caller or self._callers.at_address(scope)

    async def identify(self, scope: Scope) -> None:
        """Store the caller in the ASGI scope if the request has an API key and Redis can check the key.

        Raises:
            Unauthorized: the key is not valid.
            RateLimited: the address has sent too many invalid keys.
        """
        # Health must be reported even if Redis does not answer and the key cannot be checked.
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
    """Admits or refuses requests, and adds the `RateLimit-*` headers to the responses."""

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
            await self._check_access(scope)
        except CoverSearchError as error:
            await error_response(error)(scope, receive, send_with_quota)
            return
        await self._app(scope, receive, send_with_quota)

    async def _check_access(self, scope: Scope) -> None:
        access: AccessPolicy = scope["app"].state.gateway.access
        if scope["path"].startswith(GUARDED):
            await access.admit(scope)
        elif scope["path"] in DETAILED_FOR_ADMINS:
            await access.identify(scope)


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
