"""Where a request comes from: the connection, or what a trusted proxy says of it."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: One customer's share of IPv6: single addresses of it cost nothing.
IPV6_SHARE = 64
UNKNOWN = "unknown"


def client_address(peer: str | None, forwarded_for: Iterable[str], *, trusted: Sequence[Network]) -> str:
    """Return the name under which the client's requests are counted.

    Each proxy adds on the right whom it heard; from there the way is followed for as long as it leads
    through trusted proxies. What stands further left is the client's own word and counts for nothing.
    """
    address = _read(peer or "")
    if address is None:
        return UNKNOWN
    hops = [hop for header in forwarded_for for hop in header.split(",")]
    while hops and _is_trusted(address, trusted):
        before = _read(hops.pop())
        if before is None:
            break
        address = before
    return _share(address)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _share(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, IPV6_SHARE), strict=False))


def _read(text: str) -> Address | None:
    text = text.strip()
    # Some proxies add the port: 192.0.2.1:5000, [2001:db8::1]:5000.
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
