"""TCP connections to given addresses, by Happy Eyeballs (RFC 8305), with a deadline for the whole exchange.

A timeout of httpcore limits only one read, so a host that sends a byte now and then could keep the connection
open forever.
"""

import errno
import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore

#: The number of seconds to wait for an address to answer before the next address is also tried (RFC 8305,
#: section 5).
HEAD_START_S = 0.25
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EAGAIN, errno.EWOULDBLOCK})


class PinnedBackend(httpcore.NetworkBackend):
    """Connects only to the given addresses; connections end at `deadline`, a value of `time.monotonic`."""

    def __init__(self, addresses: Sequence[str], deadline: float) -> None:
        self._addresses = addresses
        self._deadline = deadline
        #: The address of the last connection, or None before the first connection.
        self.reached: str | None = None

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - httpcore's signature
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        # The host name is not resolved again, because it could now resolve to another address (DNS
        # rebinding).
        left_s = _left_s(self._deadline, timeout, httpcore.ConnectTimeout)
        self.reached, connection = _HappyEyeballs(self._addresses, port, time.monotonic() + left_s).run()
        return _Stream(connection, self._deadline)


class _HappyEyeballs:
    """Tries addresses in order, and starts the next attempt before the previous attempt has ended."""

    def __init__(self, addresses: Sequence[str], port: int, deadline: float) -> None:
        self._waiting = deque(addresses)
        self._port = port
        self._deadline = deadline
        self._failures: list[str] = []

    def run(self) -> tuple[str, socket.socket]:
        """Return the first address that accepts a connection, together with the connection."""
        with selectors.DefaultSelector() as selector:
            try:
                return self._first(selector)
            finally:
                for key in list(selector.get_map().values()):
                    key.fileobj.close()  # type: ignore[union-attr]

    def _first(self, selector: selectors.BaseSelector) -> tuple[str, socket.socket]:
        while self._waiting or selector.get_map():
            if self._waiting:
                self._begin(self._waiting.popleft(), selector)
            if not selector.get_map():
                continue
            left_s = _left_s(self._deadline, None, httpcore.ConnectTimeout)
            for key, _ in selector.select(min(HEAD_START_S, left_s) if self._waiting else left_s):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)  # noqa: S101 - nothing else is registered
                selector.unregister(connection)
                failed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not failed:
                    return str(key.data), connection
                self._fail(str(key.data), os.strerror(failed), connection)
        raise httpcore.ConnectError("; ".join(self._failures))

    def _begin(self, address: str, selector: selectors.BaseSelector) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            failed = connection.connect_ex((address, self._port))
        except OSError as error:
            self._fail(address, error.strerror or str(error), connection)
            return
        if failed and failed not in _UNDER_WAY:
            self._fail(address, os.strerror(failed), connection)
        else:
            selector.register(connection, selectors.EVENT_WRITE, address)

    def _fail(self, address: str, reason: str, connection: socket.socket) -> None:
        connection.close()
        self._failures.append(f"{address}: {reason}")


class _Stream(httpcore.NetworkStream):
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._socket = connection
        self._deadline = deadline
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with self._until(timeout, httpcore.ReadTimeout, httpcore.ReadError):
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with self._until(timeout, httpcore.WriteTimeout, httpcore.WriteError):
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        with self._until(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
            secured = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._socket if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket) else None

    @contextmanager
    def _until(
        self,
        timeout_s: float | None,
        late: type[httpcore.TimeoutException],
        broken: type[httpcore.NetworkError],
    ) -> Iterator[None]:
        self._socket.settimeout(_left_s(self._deadline, timeout_s, late))
        try:
            yield
        except TimeoutError as error:
            raise late(str(error)) from error
        except OSError as error:
            raise broken(str(error)) from error


def _left_s(deadline: float, timeout_s: float | None, late: type[httpcore.TimeoutException]) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise late("the time is up")
    return left_s if timeout_s is None else min(timeout_s, left_s)
