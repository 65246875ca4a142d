"""The hash by which covers are compared."""

import hashlib


def cover_sha256(cover: bytes) -> str:
    """Return the SHA-256 of a cover's bytes, in hex."""
    return hashlib.sha256(cover).hexdigest()
