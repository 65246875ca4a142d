"""Redis clients with explicit timeouts and without retries.

By default, redis-py repeats failed writes and waits up to a minute. The clients of this module wait for at
most a second and never repeat a command. If the reply to a submitted job is lost, the caller gets an error.
It is safe to repeat a call of a ledger script after such an error. Maintenance notifications, which some
hosted servers send, are disabled, because with them redis-py 8.1 returns connections that the server has
already closed.
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

#: Maximum wait in seconds for a connection or a reply; replies contain at most one 10 MB image.
SOCKET_TIMEOUT_S = 1.0
CONNECTIONS = 64


def open_redis(url: str, *, socket_timeout_s: float = SOCKET_TIMEOUT_S) -> "Redis":
    """Return a blocking client that connects on first use."""
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
    """Return an asyncio client with a limited pool; callers wait for a free connection up to the timeout."""
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
    # With `from_pool`, closing the client also closes the pool.
    return AsyncRedis.from_pool(pool)


def connection_options(url: str) -> dict[str, Any]:
    """Return the connection options in a URL, keyed by redis-py's parameter names."""
    parse: Any = parse_url  # redis-py declares no types for it
    return dict(parse(url))


def _keepalive(url: str) -> dict[str, Any]:
    # redis-py's connection over a Unix socket does not have the option `socket_keepalive`.
    return {} if url.startswith("unix:") else {"socket_keepalive": True}
