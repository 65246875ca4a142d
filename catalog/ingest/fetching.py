"""Fetching covers by URL, from public hosts alone and within limits.

A table is data: a URL in it must not reach what only this machine can. A name is resolved once, every
address of it is judged, and the connection goes to the address that was judged.
"""

import ipaddress
import socket
import time
from urllib.parse import urljoin

import httpcore
import httpx
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from catalog.ingest.deadline import DeadlineBackend
from catalog.ingest.rejection import RowFault

REDIRECTS_MAX = 5
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
#: For one cover, redirects and tries included.
TOTAL_TIMEOUT_S = 30.0
#: A host that answers a moment later is asked again, after a wait between zero and this.
TRIES_MAX, FIRST_WAIT_S, LONGEST_WAIT_S = 3, 1.0, 4.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_TIMEOUTS = {"connect": CONNECT_TIMEOUT_S, "read": READ_TIMEOUT_S, "write": READ_TIMEOUT_S}
#: Some hosts answer nobody who has no name.
_HEADERS = ((b"Accept", b"*/*"), (b"Accept-Encoding", b"identity"), (b"User-Agent", b"cover-search"))
#: IPv4 addresses within IPv6: a translator would carry a packet on to them (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Unreached(RowFault):
    """A cover that may be had a moment later."""

    def __init__(self, detail: str) -> None:
        super().__init__("cover_unreachable", detail)


class CoverFetcher:
    """Fetches over HTTP and HTTPS; any thread may call it."""

    def __init__(
        self, *, max_bytes: int, allow_private: bool, total_timeout_s: float = TOTAL_TIMEOUT_S
    ) -> None:
        self._max_bytes = max_bytes
        self._allow_private = allow_private
        self._total_timeout_s = total_timeout_s
        # Without what this machine's environment says.
        self._tls = httpx.create_ssl_context(trust_env=False)

    def fetch(self, url: str) -> bytes:
        """Return what lies at a URL.

        Raises:
            RowFault: it cannot be had, may not be asked for, or is too large.
        """
        deadline = time.monotonic() + self._total_timeout_s
        tries = Retrying(
            retry=retry_if_exception_type(Unreached),
            wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
            stop=stop_after_attempt(TRIES_MAX) | stop_before_delay(self._total_timeout_s),
            reraise=True,
        )
        return tries(self._follow, url, deadline=deadline)

    def _follow(self, url: str, *, deadline: float) -> bytes:
        try:
            for _ in range(REDIRECTS_MAX + 1):
                answer = self._get(httpx.URL(url), deadline=deadline)
                if isinstance(answer, bytes):
                    return answer
                url = urljoin(url, answer)
        except httpx.InvalidURL as error:
            raise RowFault("cover_unreachable", f"{url!r:.200} is no URL ({error})") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            reason = f"cannot be fetched: {str(error) or type(error).__name__}"
            if time.monotonic() >= deadline:
                reason = f"took more than {self._total_timeout_s:g} s"
            raise Unreached(f"{url:.200} {reason}") from error
        raise RowFault("cover_unreachable", f"{url:.200} redirects more than {REDIRECTS_MAX} times")

    def _get(self, url: httpx.URL, *, deadline: float) -> bytes | str:
        """Return the body, or where a redirect leads."""
        if url.scheme not in _DEFAULT_PORTS or not url.host:
            raise RowFault("cover_refused", f"{str(url)!r:.200} is no http or https URL")
        address = httpcore.URL(
            scheme=url.raw_scheme, host=self._resolve(url), port=url.port, target=url.raw_path
        )
        headers = [(b"Host", url.netloc), *_HEADERS]
        # The certificate must be the host's, not the address's.
        extensions = {"sni_hostname": url.raw_host.decode("ascii"), "timeout": _TIMEOUTS}
        # Connections are kept by address: another host at the same one would get the wrong one's.
        pool = httpcore.ConnectionPool(ssl_context=self._tls, network_backend=DeadlineBackend(deadline))
        with pool, pool.stream("GET", address, headers=headers, extensions=extensions) as answer:
            location: str | None = httpx.Headers(answer.headers).get("location")
            if answer.status in _REDIRECTS and location is not None:
                return location
            if answer.status in _PASSING:
                raise Unreached(f"{url!s:.200} was answered with {answer.status}")
            if not httpx.codes.is_success(answer.status):
                raise RowFault("cover_unreachable", f"{url!s:.200} was answered with {answer.status}")
            return self._body(answer, url)

    def _body(self, answer: httpcore.Response, url: httpx.URL) -> bytes:
        body = bytearray()
        for chunk in answer.iter_stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise RowFault("cover_too_large", f"{url!s:.200} has more than {self._max_bytes} bytes")
        return bytes(body)

    def _resolve(self, url: httpx.URL) -> str:
        port = url.port or _DEFAULT_PORTS[url.scheme]
        try:
            found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
                raise Unreached(f"the host {url.host!r:.100} cannot be looked up now") from error
            raise RowFault(
                "cover_unreachable", f"the host {url.host!r:.100} has no address ({error})"
            ) from None
        addresses = [str(entry[4][0]) for entry in found]
        if not self._allow_private:
            for address in addresses:
                if not is_public(address):
                    raise RowFault(
                        "cover_refused",
                        f"the host {url.host!r:.100} is at {address}, which is not public "
                        "(--allow-private takes it)",
                    )
        return addresses[0]


def is_public(address: str) -> bool:
    """Say whether an address is one that anybody on the internet may reach."""
    # A link-local address has its interface behind a percent sign.
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
            return False
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast
