"""`make run PHONE=1`: the service on the local network, and a QR code that opens the page with a key.

The key stands in the fragment of the address, which a browser sends to no server.
"""

import socket
from collections.abc import Mapping
from io import StringIO

import segno
from rich.console import Console

from common.errors import SettingsError

#: An address that is reserved for documentation (RFC 5737). Connecting a UDP socket to it sends nothing, but
#: chooses the network interface of the default route.
_ELSEWHERE = ("192.0.2.1", 9)


def phone_defaults(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings of a service for phones on the local network.

    Raises:
        SettingsError: PHONE is neither 1 nor 0, AUTH is off, or this machine has no network.
    """
    if environ.get("PHONE", "0") not in {"0", "1"}:
        raise SettingsError("PHONE: 1 to open the page on a phone, or 0")
    if environ.get("PHONE", "0") == "0":
        return {}
    if environ.get("AUTH", "required") != "required":
        raise SettingsError("AUTH: PHONE=1 needs AUTH=required, because others use the local network too")
    defaults = {"HOST": "0.0.0.0", "AUTH": "required"}  # noqa: S104 - every request needs a key
    if "PUBLIC_URL" not in environ:
        defaults["PUBLIC_URL"] = f"http://{local_address()}:{environ.get('PORT', '8000')}"
    return defaults


def local_address() -> str:
    """Return the address of this machine in the local network.

    Raises:
        SettingsError: this machine has no network.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError as error:
            raise SettingsError(
                "PHONE: this machine has no network; connect it, or set PUBLIC_URL to its address"
            ) from error
        address: str = probe.getsockname()[0]
        return address


def page_address(public_url: str, key: str) -> str:
    """Return the address that opens the page with a key."""
    return f"{public_url}/app/#key={key}"


def show_phone_address(console: Console, address: str) -> None:
    """Print the address and its QR code."""
    console.print(
        f"\nopen the page on a phone in the same network: {address}", soft_wrap=True, highlight=False
    )
    code = StringIO()
    segno.make(address, error="l").terminal(out=code, compact=True)
    # The code contains escape sequences, which the console would not print literally.
    console.file.write(code.getvalue())
    console.print("the key in this address is valid until this service stops", highlight=False)
