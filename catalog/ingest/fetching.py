"""Fetching covers by URL, from public hosts alone and within limits.

A table is data: a URL in it must not reach what only this machine can. A name is resolved once, every
address of it is judged, and the connection goes to the address that was judged.
"""

import ipaddress
import socket
import time
from typing import Self
from urllib.parse import urljoin

import httpx

from catalog.ingest.rejection import RowFault

REDIRECTS_MAX = 5
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
#: For one cover, redirects included.
TOTAL_TIMEOUT_S = 30.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: IPv4 addresses within IPv6: a translator would carry a packet on to them (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class CoverFetcher:
    """Fetches over HTTP and HTTPS; any thread may call it."""

    def __init__(
        self, *, max_bytes: int, allow_private: bool, total_timeout_s: float = TOTAL_TIMEOUT_S
    ) -> None:
        self._max_bytes = max_bytes
        self._allow_private = allow_private
        self._total_timeout_s = total_timeout_s
        self._client = httpx.Client(
            # Neither a proxy nor a password of this machine's environment.
            trust_env=False,
            timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # Connections are kept by address: another host at the same one would get the wrong one's.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(self, url: str) -> bytes:
        """Return what lies at a URL.

        Raises:
            RowFault: it cannot be had, may not be asked for, or is too large.
        """
        deadline = time.monotonic() + self._total_timeout_s
        try:
            for _ in range(REDIRECTS_MAX + 1):
                answer = self._get(httpx.URL(url), deadline=deadline)
                if isinstance(answer, bytes):
                    return answer
                url = urljoin(url, answer)
        except httpx.InvalidURL as error:
            raise RowFault("cover_unreachable", f"{url!r:.200} is no URL ({error})") from None
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise RowFault("cover_unreachable", f"{url:.200} cannot be fetched: {reason}") from error
        raise RowFault("cover_unreachable", f"{url:.200} redirects more than {REDIRECTS_MAX} times")

    def _get(self, url: httpx.URL, *, deadline: float) -> bytes | str:
        """Return the body, or where a redirect leads."""
        if url.scheme not in _DEFAULT_PORTS or not url.host:
            raise RowFault("cover_refused", f"{str(url)!r:.200} is no http or https URL")
        address = self._resolve(url)
        request = self._client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity"},
            # The certificate must be the host's, not the address's.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        answer = self._client.send(request, stream=True)
        try:
            if answer.is_redirect:
                return answer.headers["location"]
            if not answer.is_success:
                raise RowFault("cover_unreachable", f"{url!s:.200} was answered with {answer.status_code}")
            return self._body(answer, url, deadline=deadline)
        finally:
            answer.close()

    def _body(self, answer: httpx.Response, url: httpx.URL, *, deadline: float) -> bytes:
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                raise RowFault("cover_too_large", f"{url!s:.200} has more than {self._max_bytes} bytes")
            if time.monotonic() > deadline:
                raise RowFault(
                    "cover_unreachable", f"{url!s:.200} took more than {self._total_timeout_s:g} s"
                )
        return bytes(body)

    def _resolve(self, url: httpx.URL) -> str:
        port = url.port or _DEFAULT_PORTS[url.scheme]
        try:
            found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
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
