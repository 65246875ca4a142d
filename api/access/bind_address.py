"""Startup check: without API keys or ALLOW_UNAUTHENTICATED, a gateway listens only on loopback."""

from ipaddress import ip_address

from common.errors import SettingsError
from common.settings import Settings

CONSENT = "yes-anyone-may-search"


def check_bind_address(settings: Settings) -> None:
    """Check that HOST is a loopback address, API keys are in use, or the operator has allowed open access.

    Raises:
        SettingsError: other machines could search without a key, and no setting allows that.
    """
    if settings.auth != "off" or is_loopback(settings.host) or settings.allow_unauthenticated == CONSENT:
        return
    raise SettingsError(
        f"HOST={settings.host} can be reached from other machines, and AUTH=off requires no key. "
        "Set AUTH=required and make keys with `python -m api.keys create NAME`; or, if something "
        f"else guards the gateway or anyone may search, set ALLOW_UNAUTHENTICATED={CONSENT}"
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # A host name can resolve to any address, and an empty host means all addresses.
        return False
