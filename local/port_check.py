"""Checks, before `make run` loads anything, that the gateway will be able to listen on its port."""

import errno
import socket
from typing import Any

from common.processes.program_name import console_script
from local.errors import PortUnusable


def check_port(host: str, port: int) -> None:
    """Check that a server can listen on a port of a host now; port 0 means any free port.

    Raises:
        PortUnusable: another program uses the port, the port needs more rights, or the host is another one.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in addresses:
            _bind(family, kind, protocol, address)
    except OSError as error:
        raise PortUnusable(_message(error, host=host, port=port)) from error


def _bind(family: int, kind: int, protocol: int, address: Any) -> None:
    """Bind a socket with the options that the gateway's event loop sets, and close it."""
    try:
        probe = socket.socket(family, kind, protocol)
    except OSError:
        # The gateway also skips addresses of a family that this machine does not support.
        return
    with probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)


def _message(error: OSError, *, host: str, port: int) -> str:
    start = "make run PORT=…" if console_script() is None else f"PORT=… {console_script()} local"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: stop the other program, or choose another port with {start}"
    return (
        f"the gateway cannot listen on port {port} of {host}: {error.strerror}; "
        f"choose another port with {start}, or set HOST to an address of this machine"
    )
