"""Only trusted proxies can set the client address of a request."""

from ipaddress import ip_network

import pytest

from api.access.client_address import client_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        # The sender is not a trusted proxy, so its header is ignored.
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.9", "192.0.2.1"], "192.0.2.1"),
        # The request came through two trusted proxies.
        ("10.0.0.1", ["198.51.100.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        # If all addresses are trusted proxies, the first address is the client's.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # An invalid address ends the chain of proxies.
        ("10.0.0.1", ["192.0.2.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["", ","], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1:5000"], "192.0.2.1"),
        ("fd00::1", ["[2001:db8::1]:5000"], "2001:db8::/64"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        (None, ["192.0.2.1"], "unknown"),
    ],
)
def test_only_trusted_proxies_may_forward_a_client_address(
    peer: str | None, forwarded: list[str], address: str
) -> None:
    assert client_address(peer, forwarded, trusted=PROXIES) == address


def test_all_addresses_of_an_ipv6_network_count_as_one_client() -> None:
    first, second, other = (
        client_address(peer, [], trusted=[])
        for peer in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    )

    assert first == second
    assert first != other
