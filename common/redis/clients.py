"""Redis clients with explicit timeouts, without retries.

redis-py's defaults repeat writes and wait for a minute. These clients wait for a second and never repeat: the
caller of a submit gets an error if the reply is lost, and the ledger's scripts are safe to call again.
Maintenance notifications, which some hosted servers send, are switched off: with them redis-py 8.1 hands out
connections that the server has closed.
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

#: Longest wait for a reply or for a connection; the largest reply is one 10 MB image.
SOCKET_TIMEOUT_S = 1.0
CONNECTIONS = 64


def open_redis(url: str, *, socket_timeout_s: float = SOCKET_TIMEOUT_S) -> "Redis":
    """Return a blocking client; it connects on first use."""
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
    """Return an asyncio client over a bounded pool; callers wait for a free connection up to the timeout."""
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
    """Return the connection options in a URL, by redis-py's names."""
    parse: Any = parse_url  # redis-py leaves it without types
    return dict(parse(url))


def _keepalive(url: str) -> dict[str, Any]:
    # redis-py's connection over a Unix socket does not have this option.
    return {} if url.startswith("unix:") else {"socket_keepalive": True}
