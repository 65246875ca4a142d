"""Redis clients with their time limits said aloud.

redis-py's defaults replay writes and wait a minute. Ours wait a second and never replay: a lost
answer to a submit is told to the caller, and the ledger's scripts are safe to call again. Nor do they ask for
notices of maintenance, which some hosted servers send: with them redis-py 8.1 lends connections out that
the server has closed.
"""

from typing import Any

from redis import Redis
from redis.asyncio import BlockingConnectionPool as AsyncPool
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

#: Longest wait for an answer, or for a connection; the largest answer is one 10 MB image.
SOCKET_TIMEOUT_S = 1.0
CONNECTIONS = 64


def open_redis(url: str, *, socket_timeout_s: float = SOCKET_TIMEOUT_S) -> "Redis":
    """Return a blocking client; it connects when first used."""
    return Redis.from_url(
        url,
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=socket_timeout_s,
        **_keepalive(url),
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        retry=Retry(NoBackoff(), 0),
    )


def open_async_redis(
    url: str, *, socket_timeout_s: float = SOCKET_TIMEOUT_S, connections: int = CONNECTIONS
) -> "AsyncRedis":
    """Return an asyncio client over a bounded pool; a caller waits a second for a free connection."""
    pool = AsyncPool.from_url(
        url,
        max_connections=connections,
        timeout=socket_timeout_s,
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=socket_timeout_s,
        **_keepalive(url),
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        retry=AsyncRetry(NoBackoff(), 0),
    )
    # from_pool: closing the client closes the pool.
    return AsyncRedis.from_pool(pool)


def connection_options(url: str) -> dict[str, Any]:
    """Return what a URL asks of a connection, by redis-py's names."""
    parse: Any = parse_url  # redis-py leaves it without types
    return dict(parse(url))


def _keepalive(url: str) -> dict[str, Any]:
    # redis-py's connection over a socket of this machine knows no such option.
    return {} if url.startswith("unix:") else {"socket_keepalive": True}
