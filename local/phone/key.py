"""The API key of `make run PHONE=1`, which is valid until that service ends, however it ends.

The state folder contains the key's id while the key is valid. If the service was killed, the next service
with this state folder revokes the key before its gateway starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.keys.key import make_key
from api.keys.store import KeyStore
from common.redis.clients import open_redis
from common.settings import UNLIMITED

_ID_FILE = "phone-key"


@contextmanager
def phone_key(redis_url: str, *, state: Path) -> Iterator[str]:
    """Yield a new API key, and revoke it at the end.

    Raises:
        RedisError, OSError: Redis cannot store the key, or its id cannot be recorded.
    """
    key, record = make_key("phone", rate=UNLIMITED)
    # The id is recorded first, because a key without a recorded id would survive a kill.
    (state / _ID_FILE).write_text(record.id)
    try:
        with open_redis(redis_url) as redis:
            KeyStore(redis).add(record)
        yield key
    finally:
        revoke_left_key(redis_url, state=state)


def revoke_left_key(redis_url: str, *, state: Path) -> None:
    """Revoke the key whose id the state folder contains.

    Raises:
        RedisError, OSError: Redis cannot revoke the key.
    """
    file = state / _ID_FILE
    try:
        key_id = file.read_text()
    except FileNotFoundError:
        return
    with open_redis(redis_url) as redis:
        KeyStore(redis).revoke(key_id)
    file.unlink()
