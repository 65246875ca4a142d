"""Tests of the check that the gateway will be able to listen on its port."""

import re
import socket

import pytest

from local.errors import PortUnusable
from local.options import read_options
from local.port_check import check_port
from local.servers.server import free_port
from local.stack import Stack


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_in_use_is_refused_and_a_free_port_is_not(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        sentence = (
            f"port {port} is in use: stop the other program, or choose another port with make run PORT=…"
        )
        with pytest.raises(PortUnusable, match=f"^{re.escape(sentence)}$"):
            check_port(host, port)

    check_port(host, port)
    check_port(host, 0)


def test_a_port_that_was_just_used_is_free_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address), server.accept()[0] as accepted:
            # The server's end closes first and stays in TIME_WAIT.
            accepted.close()

    check_port(*address)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_named(host: str) -> None:
    port = free_port()

    with pytest.raises(PortUnusable, match=f"port {port} of {host}: .*set HOST"):
        check_port(host, port)


def test_a_start_on_a_port_in_use_starts_no_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    state = tmp_path_factory.mktemp("stack") / "state"
    with socket.create_server(("127.0.0.1", 0)) as other:
        options = read_options({"STATE_DIR": str(state), "PORT": str(other.getsockname()[1])})

        with Stack(options, report=print) as stack, pytest.raises(PortUnusable):
            stack.start_servers()

    assert list(state.iterdir()) == []
