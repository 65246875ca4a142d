"""Fetches covers by URL from public hosts only, with retries and with limits on size and time.

A table is untrusted: a URL in it must not reach private services of this machine (SSRF). A host name is
resolved once, all its addresses must be public, and the connection goes to one of the addresses that were
checked.
"""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

from catalog.ingest.covers.fetch.host_rate_limits import PER_HOST, HostRate, HostRates
from catalog.ingest.covers.fetch.pinned_connections import PinnedBackend
from catalog.ingest.covers.fetch.public_addresses import is_public, resolve
from catalog.ingest.covers.fetch.responses import (
    FetchedCover,
    Validators,
    read_body,
    require_picture,
    retry_after_s,
)
from catalog.ingest.covers.fetch.shared_turns import SharedTurns
from catalog.ingest.rejection import RowFault

#: The default User-Agent header; some hosts refuse requests without this header.
USER_AGENT = "cover-search"
REDIRECTS_MAX = 5
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
#: The time limit for one cover, in seconds, with redirects and retries but without waits for the host's rate
#: limit.
TOTAL_TIMEOUT_S = 30.0
#: The maximum number of tries for one cover, and the maximum of the random wait before the second try, in
#: seconds, which doubles for each further try.
TRIES_MAX, FIRST_WAIT_S = 3, 1.0
#: A cover is rejected after this many 429 or 503 responses if its host answers other requests.
REFUSALS_MAX = 8
_DEFAULT_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_MODIFIED = 304
#: Status codes of a host that has nothing at the URL.
_NOTHING = frozenset({404, 410})
#: Status codes of a host that gets too many requests.
_REFUSALS = frozenset({429, 503})
_FAILURES = frozenset({408, 425, 500, 502, 504, 520, 521, 522, 523, 524})
_TIMEOUTS = {"connect": CONNECT_TIMEOUT_S, "read": READ_TIMEOUT_S, "write": READ_TIMEOUT_S}


class CoverUnreachable(RowFault):
    """A cover cannot be fetched now, but a later try may succeed."""

    def __init__(self, detail: str) -> None:
        super().__init__("cover_unreachable", detail)


class NotFound(RowFault):
    """The host answered 404 or 410: it has nothing at the URL."""

    def __init__(self, detail: str) -> None:
        super().__init__("cover_unreachable", detail)


class HostOverloaded(CoverUnreachable):
    """The host answered 429 or 503; `wait_s` is the Retry-After header in seconds, or None."""

    def __init__(self, detail: str, wait_s: float | None) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class _Attempts:
    """Counts the tries for one cover, and knows the deadline for fetching the cover."""

    def __init__(self, total_s: float) -> None:
        self.total_s = total_s
        self.deadline = time.monotonic() + total_s
        self._failures = 0
        self._refusals = 0
        self._refused_at = 0.0

    def waited(self, waited_s: float) -> None:
        """Extend the deadline by the time spent waiting for the host's rate limit."""
        self.deadline += waited_s

    def is_late(self) -> bool:
        return time.monotonic() >= self.deadline

    def may_go_on(self, host: HostRate) -> bool:
        """Count a 429 or 503 response and return whether to try again."""
        # A 429 or 503 counts only while the host answers other requests; `HostRate` gives up a host that
        # answers nothing.
        self._refusals += host.has_answered_since(self._refused_at)
        self._refused_at = time.monotonic()
        return self._refusals < REFUSALS_MAX

    def was_refused(self) -> bool:
        return self._refused_at > 0

    def failed(self) -> float | None:
        """Count a failure and return the seconds to wait before the next try, or None to give up."""
        self._failures += 1
        wait_s = random.uniform(0, FIRST_WAIT_S * 2 ** (self._failures - 1))  # noqa: S311 - no secret
        in_time = time.monotonic() + wait_s < self.deadline
        return wait_s if self._failures < TRIES_MAX and in_time else None


class CoverFetcher:
    """Fetches covers over HTTP and HTTPS; thread-safe."""

    def __init__(
        self,
        *,
        max_bytes: int,
        allow_private: bool,
        user_agent: str = USER_AGENT,
        per_host: float = PER_HOST,
        total_timeout_s: float = TOTAL_TIMEOUT_S,
        pictures_only: bool = True,
        turns: SharedTurns | None = None,
    ) -> None:
        self._max_bytes = max_bytes
        self._pictures_only = pictures_only
        self._allow_private = allow_private
        self._total_timeout_s = total_timeout_s
        self._rates = HostRates(per_host, turns=turns)
        self._headers = (
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", user_agent.encode("ascii")),
        )
        # With trust_env=False, the environment variables SSL_CERT_FILE and SSL_CERT_DIR are ignored.
        self._tls = httpx.create_ssl_context(trust_env=False)

    def close(self) -> None:
        """End all waits immediately; covers that are not fetched yet fail."""
        self._rates.close()

    def fetch(self, url: str) -> FetchedCover:
        """Return the cover at a URL.

        Raises:
            RowFault: the cover cannot be fetched or is too large, or its host is not allowed.
        """
        fetched = self.fetch_changed(url, Validators())
        if fetched is None:
            raise RowFault("cover_unreachable", f"{url:.200} was answered with {_NOT_MODIFIED} without cause")
        return fetched

    def fetch_changed(self, url: str, known: Validators) -> FetchedCover | None:
        """Return the cover at a URL, or None if the host says that it has not changed since `known`.

        Raises:
            RowFault: the cover cannot be fetched or is too large, or its host is not allowed.
        """
        attempts = _Attempts(self._total_timeout_s)
        try:
            place = httpx.URL(url)
            for _ in range(REDIRECTS_MAX + 1):
                answer = self._try(place, known, attempts)
                if not isinstance(answer, str):
                    return answer
                place = place.join(answer)
        except httpx.InvalidURL as error:
            raise RowFault(
                "cover_unreachable",
                f"{url!r:.200} is not a URL, or redirects to something that is not a URL ({error})",
            ) from None
        raise RowFault("cover_unreachable", f"{url:.200} redirects more than {REDIRECTS_MAX} times")

    def _try(self, url: httpx.URL, known: Validators, attempts: _Attempts) -> FetchedCover | str | None:
        """Request a URL, with retries; return the cover, a redirect's target, or None for "not modified"."""
        if url.scheme not in _DEFAULT_PORTS or not url.host:
            raise RowFault("cover_refused", f"{str(url)!r:.200} is not an http or https URL")
        host = self._rates.of(f"{url.host}:{url.port or _DEFAULT_PORTS[url.scheme]}")
        while True:
            # A cover that the host refused before waits behind the other covers, so that it does not delay
            # them.
            attempts.waited(self._rates.wait(host, behind=attempts.was_refused()))
            try:
                return self._ask(url, known, attempts, host)
            except HostOverloaded:
                if not attempts.may_go_on(host):
                    raise
            except CoverUnreachable:
                wait_s = attempts.failed()
                if wait_s is None:
                    raise
                self._rates.sleep(wait_s)

    def _ask(
        self, url: httpx.URL, known: Validators, attempts: _Attempts, host: HostRate
    ) -> FetchedCover | str | None:
        addresses = self._addresses(url)
        # The address that accepted the last connection goes first, because other addresses may take long to
        # fail.
        addresses.sort(key=lambda address: address != host.reached)
        backend = PinnedBackend(addresses, attempts.deadline)
        with _counted(host, attempts):
            try:
                return self._get(url, known, backend)
            except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
                reason = f"cannot be fetched: {str(error) or type(error).__name__}"
                if attempts.is_late():
                    reason = f"took more than {attempts.total_s:g} s"
                raise CoverUnreachable(f"{url!s:.200} {reason}") from error
            finally:
                host.reached = backend.reached or host.reached

    def _get(self, url: httpx.URL, known: Validators, backend: PinnedBackend) -> FetchedCover | str | None:
        address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = [(b"Host", url.netloc), *self._headers, *known.conditions()]
        # Every request has its own pool, because a connection kept from an earlier request could lead to an
        # address that was not checked for this request.
        pool = httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend)
        with (
            pool,
            pool.stream("GET", address, headers=headers, extensions={"timeout": _TIMEOUTS}) as answer,
        ):
            return self._read(answer, url)

    def _read(self, answer: httpcore.Response, url: httpx.URL) -> FetchedCover | str | None:
        headers = httpx.Headers(answer.headers)
        if answer.status in _REDIRECTS and "location" in headers:
            return str(headers["location"])
        if answer.status == _NOT_MODIFIED:
            return None
        if not httpx.codes.is_success(answer.status):
            raise _fault(answer.status, headers, url)
        body = read_body(answer.iter_stream(), headers, url=str(url), max_bytes=self._max_bytes)
        if self._pictures_only:
            require_picture(body, headers, url=str(url))
        return FetchedCover(body, Validators.of(headers), str(url))

    def _addresses(self, url: httpx.URL) -> list[str]:
        try:
            addresses = resolve(url.host, url.port or _DEFAULT_PORTS[url.scheme])
        except (OSError, UnicodeError) as error:
            if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
                raise CoverUnreachable(f"the host {url.host!r:.100} cannot be looked up now") from error
            raise RowFault(
                "cover_unreachable", f"the host {url.host!r:.100} has no address ({error})"
            ) from None
        for address in addresses:
            if not (self._allow_private or is_public(address)):
                raise RowFault(
                    "cover_refused",
                    f"the host {url.host!r:.100} is at {address}, which is not public "
                    "(--allow-private allows it)",
                )
        return addresses


def _fault(status: int, headers: httpx.Headers, url: httpx.URL) -> RowFault:
    detail, wait_s = f"{url!s:.200} was answered with {status}", retry_after_s(headers)
    if status in _REFUSALS or (status in _FAILURES and wait_s is not None):
        return HostOverloaded(detail, wait_s)
    if status in _NOTHING:
        return NotFound(detail)
    return CoverUnreachable(detail) if status in _FAILURES else RowFault("cover_unreachable", detail)


@contextmanager
def _counted(host: HostRate, attempts: _Attempts) -> Iterator[None]:
    """Report the result of a request to the rate limit of its host."""
    began_at = time.monotonic()
    try:
        yield
    except HostOverloaded as refusal:
        host.refused(began_at, refusal.wait_s, again=attempts.was_refused())
        raise
    except CoverUnreachable:
        host.failed(began_at)
        raise
    except RowFault:
        # The response is no usable cover, but the host has answered.
        host.answered()
        raise
    host.answered()
