"""What a Supabase key says of itself, read without its secret."""

import base64
import binascii
import time
from typing import Any

import orjson

from common.catalog.errors import misconfigured
from common.errors import CatalogMisconfigured

#: Roles that a browser may hold; the catalog is closed to them.
_PUBLIC_ROLES = frozenset({"anon", "authenticated"})


def service_key_error(key: str) -> CatalogMisconfigured | None:
    """Return what is plainly wrong with a key before it is sent, None where nothing is.

    A key is a JWT with the claim `role`, or of the newer kinds `sb_secret_…` and `sb_publishable_…`.
    """
    if key.startswith("sb_publishable_"):
        return misconfigured("not_service_role", found="this is a publishable key")
    if key.startswith("sb_secret_"):
        return None
    claims = _claims(key)
    if claims is None:
        return misconfigured("bad_key", found="this is neither a JWT nor a key that begins with sb_secret_")
    if claims.get("role") in _PUBLIC_ROLES:
        return misconfigured("not_service_role", found=f"this key's role is {claims['role']}")
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires < time.time():
        return misconfigured("bad_key", found="this key has expired")
    return None


def _claims(key: str) -> dict[str, Any] | None:
    parts = key.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return None
    payload = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(payload))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None
