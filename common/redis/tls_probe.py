"""Why a Redis does not answer where it speaks TLS and the URL does not, or the other way round.

The failure of a connection does not tell: one side waits, or hangs up. No password is sent here.
"""

import socket
import ssl
from typing import Any

from common.redis.clients import SOCKET_TIMEOUT_S, connection_options

#: What OpenSSL says of a server that wants a client's certificate, and does not get one that it trusts.
_CLIENT_REFUSED = frozenset(
    {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE"}
    | {"SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_CERTIFICATE_EXPIRED"}
)


def tls_mismatch(url: str) -> str | None:
    """Return what to change in the URL of a server that does not answer, None where TLS is not why."""
    options = connection_options(url)
    address = options.get("host", "localhost"), options.get("port", 6379)
    try:
        if url.startswith("redis://"):
            _shake_hands(address)
            return "the server speaks TLS: write rediss:// in the place of redis://"
        if url.startswith("rediss://"):
            return _fault_of_tls(address, options)
    except OSError:
        # It does not answer in any way.
        return None
    return None


def _fault_of_tls(address: tuple[str, int], options: dict[str, Any]) -> str | None:
    if _pongs(address):
        return "the server does not speak TLS: write redis:// in the place of rediss://"
    try:
        _shake_hands(address, options)
    except ssl.SSLError as error:
        if error.reason in _CLIENT_REFUSED:
            return (
                f"the server misses this client's certificate, or refuses it ({error.reason}); "
                "ssl_certfile=FILE and ssl_keyfile=FILE name it"
            )
    return None


def _shake_hands(address: tuple[str, int], options: dict[str, Any] | None = None) -> None:
    """Shake hands as TLS has it, whoever the server is, and hear what it says to that."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options is not None and "ssl_certfile" in options:
        password = options.get("ssl_password", "")
        context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"), password)
    with socket.create_connection(address, SOCKET_TIMEOUT_S) as plain, context.wrap_socket(plain) as wrapped:
        if options is not None:
            # TLS 1.3 judges a client after the handshake.
            wrapped.recv(1)


def _pongs(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, SOCKET_TIMEOUT_S) as plain:
        plain.sendall(b"PING\r\n")
        try:
            return plain.recv(1) in {b"+", b"-"}
        except ConnectionError:
            return False
