"""The format of API keys, and the record that Redis stores for each key.

    cvs_<id: 12 hex digits>_<secret: 256 random bits in base64url>

The id is not secret and may be shown and logged. Only the SHA-256 of the whole key is stored. A slow password
hash would add no protection, because 256 random bits cannot be guessed.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

import orjson

_FORMAT = re.compile(r"cvs_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
SECRET_BYTES = 32


class Role(StrEnum):
    """The rights of a key."""

    #: The key may use every endpoint under /api/, but sees only its own jobs.
    SEARCH = "search"
    #: The key has all rights of a SEARCH key, and can also see why a part of the service is not ready.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The record of an API key, as Redis stores it."""

    id: str
    name: str
    role: Role
    #: The rate limit of this key, such as 6000/hour; None means the setting KEY_RATE.
    rate: str | None
    sha256: str
    created_at: str

    def matches(self, presented: str) -> bool:
        """Tell in constant time whether this record belongs to the presented key."""
        return hmac.compare_digest(self.sha256, digest_of(presented))

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, data: bytes) -> "KeyRecord":
        document = orjson.loads(data)
        return cls(**{**document, "role": Role(document["role"])})


def make_key(name: str, *, role: Role = Role.SEARCH, rate: str | None = None) -> tuple[str, KeyRecord]:
    """Return a new key and its record; only the record is stored."""
    key_id = secrets.token_hex(6)
    key = f"cvs_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    return key, KeyRecord(
        id=key_id, name=name, role=role, rate=rate, sha256=digest_of(key), created_at=created_at
    )


def id_of(presented: str) -> str | None:
    """Return the id in an API key, or None if the text does not have the format of a key."""
    found = _FORMAT.fullmatch(presented)
    return found[1] if found else None


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key in hex."""
    return hashlib.sha256(key.encode()).hexdigest()
