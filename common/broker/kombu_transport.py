"""kombu's Redis transport with URLs parsed by redis-py, one Redis client per channel, and an order of queues.

kombu's own URL parser does not know `unix://`, splits a URL at a semicolon, and accepts fewer options than
redis-py. kombu also creates a new client for every message that it receives and acknowledges, which took a
sixth of the Python time that a worker spent on a job.
"""

from typing import Any

from kombu.transport import redis as kombu_redis
from kombu.utils.scheduling import round_robin_cycle
from redis import Connection, Redis, UnixDomainSocketConnection

from common.redis import keyspace
from common.redis.clients import connection_options

_TCP_OPTIONS = ("socket_keepalive", "socket_keepalive_options")


class SearchesInTurn(round_robin_cycle):  # type: ignore[type-arg] # generic only in kombu's stubs
    """The order in which a worker looks into its queues: the queues of searches in turn, then all others.

    A worker takes at least every second search from each of two queues that are not empty.
    """

    def rotate(self, last_used: str) -> None:
        """Move the queue of the last message behind the other queues of searches."""
        super().rotate(last_used)
        self.items = sorted(self.items or (), key=lambda queue: queue not in keyspace.SEARCH_QUEUES)


class Channel(kombu_redis.Channel):
    """A channel that reuses one blocking client; the client has its own pool and is thread-safe."""

    _blocking_client: Redis | None = None

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        broker: Any = self.connection.client
        given = connection_options(broker.hostname)
        self.connection_class = given.pop("connection_class", Connection)
        make: Any = super()._connparams  # type: ignore[misc] # kombu's stubs leave it out
        parameters: dict[str, Any] = {
            **make(asynchronous=asynchronous),
            "username": None,
            "password": None,
            "db": 0,
        } | given
        if issubclass(self.connection_class, UnixDomainSocketConnection):
            for option in _TCP_OPTIONS:
                parameters.pop(option, None)
        return parameters

    def _create_client(self, asynchronous: bool = False) -> Any:
        make: Any = super()._create_client  # type: ignore[misc] # kombu's stubs leave it out
        if asynchronous:
            return make(asynchronous=True)
        if self._blocking_client is None or self._blocking_client.connection_pool is not self.pool:
            self._blocking_client = make()
        return self._blocking_client


class Transport(kombu_redis.Transport):
    """kombu's Redis transport with the `Channel` of this module."""

    Channel = Channel
    #: Makes kombu pass the whole URL to the channel, which parses the URL.
    can_parse_url = True
