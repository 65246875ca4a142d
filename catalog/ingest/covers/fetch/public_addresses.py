"""The addresses of a host, each judged: a table must not reach what only this machine can."""

import ipaddress
import socket
from itertools import chain, zip_longest

#: IPv4 addresses within IPv6: a translator would carry a packet on to them (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host in the order in which they are tried: the families in turns (RFC 8305).

    Raises:
        OSError, UnicodeError: it has none, or cannot be looked up now (`EAI_AGAIN`).
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
