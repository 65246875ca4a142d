"""Client addresses, taken from the TCP connection or from the X-Forwarded-For header of trusted proxies."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Requests from IPv6 addresses are counted per /64 network, because providers assign at least a /64 to each
#: customer.
IPV6_PREFIX_BITS = 64
UNKNOWN = "unknown"


def client_address(peer: str | None, forwarded_for: Iterable[str], *, trusted: Sequence[Network]) -> str:
    """Return the address, or IPv6 network, under which the client's requests are counted.

    Each proxy appends the address of its own client to X-Forwarded-For. The addresses in this header are read
    from right to left while they belong to trusted proxies. The first address that does not belong to a
    trusted proxy is the client's. Addresses further left are ignored, because the client could have forged
    them.
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
    return _counted_address(address)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _counted_address(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, IPV6_PREFIX_BITS), strict=False))


def _read(text: str) -> Address | None:
    text = text.strip()
    # Some proxies append a port to the address, as in 192.0.2.1:5000 or [2001:db8::1]:5000.
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
