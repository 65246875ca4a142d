"""kombu's Redis transport over the connections that redis-py makes of a URL, with one client a channel.

kombu reads URLs by rules of its own: it knows no `unix://`, splits a URL at a semicolon, and takes fewer
options. It also makes a client anew for every message it takes and acknowledges, which cost a sixth of all
the Python that a worker ran for a job.
"""

from typing import Any

from kombu.transport import redis as kombu_redis
from redis import Connection, Redis, UnixDomainSocketConnection

from common.redis.clients import connection_options

_TCP_OPTIONS = ("socket_keepalive", "socket_keepalive_options")


class Channel(kombu_redis.Channel):
    """A channel that keeps its blocking client; the client's pool is its own, and any thread may use it."""

    _kept: Redis | None = None

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
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = make()
        return self._kept


class Transport(kombu_redis.Transport):
    """The Redis transport over such channels."""

    Channel = Channel
    #: The channel does, and kombu leaves the URL whole.
    can_parse_url = True
