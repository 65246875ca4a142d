"""Refuses to serve anybody from beyond this machine without keys, unless told so in so many words."""

from ipaddress import ip_address

from common.errors import SettingsError
from common.settings import Settings

CONSENT = "yes-anyone-may-search"


def check_exposure(settings: Settings) -> None:
    """Accept where the gateway listens and whom it lets in.

    Raises:
        SettingsError: it would serve anybody who reaches it.
    """
    if settings.auth != "off" or is_loopback(settings.host) or settings.allow_unauthenticated == CONSENT:
        return
    raise SettingsError(
        f"HOST={settings.host} can be reached from other machines, and AUTH=off asks nobody for a key. "
        "Set AUTH=required and make keys with `python -m api.keys create NAME`; or, where something "
        f"else guards the gateway or anyone may search, ALLOW_UNAUTHENTICATED={CONSENT}"
    )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # A name may stand for any address, and an empty one for all.
        return False
