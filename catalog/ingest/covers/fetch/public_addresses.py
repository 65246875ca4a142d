"""Resolves host names, and recognises private addresses, which the URLs of a table must not reach."""

import ipaddress
import socket
from itertools import chain, zip_longest

#: The range of IPv6 addresses that a NAT64 translator forwards to an embedded IPv4 address (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host in the order in which to try them, alternating IPv6 and IPv4 (RFC 8305).

    Raises:
        OSError, UnicodeError: the host has no address, or the look-up failed temporarily (`EAI_AGAIN`).
    """
    found = dict.fromkeys(
        (family, str(address[0]))
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    first = next(iter(found))[0] if found else None
    preferred = [address for family, address in found if family == first]
    others = [address for family, address in found if family != first]
    turns = chain.from_iterable(zip_longest(preferred, others))
    return [address for address in turns if address is not None]


def is_public(address: str) -> bool:
    """Return whether an address is reachable from the public internet."""
    # A link-local address may have a suffix of a percent sign and an interface's name; the suffix is cut off.
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
