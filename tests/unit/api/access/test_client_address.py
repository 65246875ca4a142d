"""Where a request comes from: nobody can choose the address under which they are counted."""

from ipaddress import ip_network

import pytest

from api.access.client_address import client_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        # A client's own word counts for nothing.
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.9", "192.0.2.1"], "192.0.2.1"),
        # Through two proxies of ours.
        ("10.0.0.1", ["198.51.100.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        # All of them ours: the first is the client.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What is no address ends the way.
        ("10.0.0.1", ["192.0.2.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["", ","], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1:5000"], "192.0.2.1"),
        ("fd00::1", ["[2001:db8::1]:5000"], "2001:db8::/64"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        (None, ["192.0.2.1"], "unknown"),
    ],
)
def test_the_way_is_followed_through_trusted_proxies_only(
    peer: str | None, forwarded: list[str], address: str
) -> None:
    assert client_address(peer, forwarded, trusted=PROXIES) == address


def test_the_addresses_of_one_ipv6_network_are_one_client() -> None:
    first, second, other = (
        client_address(peer, [], trusted=[])
        for peer in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    )

    assert first == second
    assert first != other
