"""kombu's Redis transport, less the client that it makes anew for every message it takes and acknowledges.

Making one cost a sixth of all the Python that a worker ran for a job.
"""

from typing import Any

from kombu.transport import redis as kombu_redis
from redis import Redis

#: As Celery's setting `broker_transport` names it.
NAME = f"{__name__}:Transport"


class Channel(kombu_redis.Channel):
    """A channel that keeps its blocking client; the client's pool is its own, and any thread may use it."""

    _kept: Redis | None = None

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
