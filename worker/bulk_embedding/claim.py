"""A batch in this worker's hands: while it is, a second message for it is nobody's work.

The claim is renewed for as long as it is held, and runs out soon after a worker that was killed.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import RedisError

from common.redis import keyspace

TTL_S = 10.0
_RENEWALS_PER_TTL = 3


@contextmanager
def claimed(redis: Redis, batch_id: str) -> Iterator[bool]:
    """Yield whether the batch is this caller's for as long as the body takes."""
    key, ttl_ms = keyspace.bulk_claim(batch_id), int(TTL_S * 1000)
    if not redis.set(key, b"", px=ttl_ms, nx=True):
        yield False
        return
    done = threading.Event()

    def renew() -> None:
        while not done.wait(ttl_ms / 1000 / _RENEWALS_PER_TTL):
            # Redis away for longer lets the claim run out: the batch may be embedded twice.
            with suppress(RedisError, OSError):
                redis.set(key, b"", px=ttl_ms)

    renewing = threading.Thread(target=renew, name="bulk claim", daemon=True)
    renewing.start()
    try:
        yield True
    finally:
        done.set()
        renewing.join()
        redis.delete(key)
