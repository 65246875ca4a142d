"""An API key: how it looks, and what of it is kept.

    cvs_<id: 12 hex digits>_<secret: 256 random bits in base64url>

The id may be shown and logged; of the whole only the SHA-256 is kept. A key has so many random bits
that a slow hash would guard nothing more.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

import orjson

_LOOK = re.compile(r"cvs_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
SECRET_BYTES = 32


class Role(StrEnum):
    """What the bearer of a key may do."""

    #: Everything under /api/, with jobs of its own.
    SEARCH = "search"
    #: The same, and to see why a part of the service is not well.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is kept of a key."""

    id: str
    name: str
    role: Role
    #: A rate of its own, such as 6000/hour; else KEY_RATE.
    rate: str | None
    sha256: str
    created_at: str

    def matches(self, presented: str) -> bool:
        """Tell, in a time that tells nothing, whether this is the key."""
        return hmac.compare_digest(self.sha256, digest_of(presented))

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, data: bytes) -> "KeyRecord":
        document = orjson.loads(data)
        return cls(**{**document, "role": Role(document["role"])})


def make_key(name: str, *, role: Role = Role.SEARCH, rate: str | None = None) -> tuple[str, KeyRecord]:
    """Return a new key, which nobody will see again, and what is kept of it."""
    key_id = secrets.token_hex(6)
    key = f"cvs_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    return key, KeyRecord(
        id=key_id, name=name, role=role, rate=rate, sha256=digest_of(key), created_at=created_at
    )


def id_of(presented: str) -> str | None:
    """Return the id within what is presented as a key, None where it cannot be one."""
    found = _LOOK.fullmatch(presented)
    return found[1] if found else None


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key in hex."""
    return hashlib.sha256(key.encode()).hexdigest()
