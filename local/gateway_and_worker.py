"""The gateway and the worker as child processes, and their readiness checks."""

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx
import orjson
from redis import Redis
from redis.exceptions import RedisError

from common.processes.child_processes import module_command
from common.redis import keyspace
from common.redis.clients import open_redis
from local.processes.child_process import ChildProcess

#: Seconds between SIGTERM and SIGKILL; a worker may need 25 s to finish its jobs.
STOP_GRACE_S = 35.0
#: The default name of the gateway process, and of its folder in the state folder.
GATEWAY = "gateway"


class Service(ChildProcess):
    """A gateway or worker process; `ready` returns whether the process with a given id is ready."""

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        command: Sequence[str],
        env: Mapping[str, str],
        ready: Callable[[int], bool],
        timeout_s: float,
    ) -> None:
        super().__init__(
            name,
            folder,
            stop_signal=signal.SIGTERM,
            stop_grace_s=STOP_GRACE_S,
            start_timeout_s=timeout_s,
            # SIGKILL is safe if this process is killed: a worker's unfinished jobs are kept in Redis.
            death_signal=signal.SIGKILL,
        )
        self._command = command
        self._environment = env
        self._ready = ready

    def command(self) -> Sequence[str]:
        return self._command

    def environment(self) -> Mapping[str, str]:
        return self._environment

    def is_ready(self) -> bool:
        return self.pid is not None and self._ready(self.pid)

    def restart(self) -> None:
        """Restart the process after it has ended; do not wait until it is ready."""
        self._respawn()


def gateway_service(
    folder: Path, env: Mapping[str, str], *, url: str, timeout_s: float, name: str = GATEWAY
) -> Service:
    """Return a gateway process that is not started yet; PORT in `env` must be the port in `url`."""
    return Service(
        name,
        folder=folder / name,
        command=module_command("api"),
        env=env,
        ready=lambda _: gateway_answers(url),
        timeout_s=timeout_s,
    )


def worker_service(
    folder: Path,
    env: Mapping[str, str],
    *,
    redis_url: str | None = None,
    timeout_s: float,
    name: str = "worker",
    waits: bool = True,
) -> Service:
    """Return a worker process that is not started yet.

    The method `start` waits until the worker has announced its model in the Redis at `redis_url`, by default
    REDIS_URL in `env`; with `waits=False`, `start` returns at once.
    """
    announced_in = redis_url or env["REDIS_URL"]
    return Service(
        name,
        folder=folder / name,
        command=module_command("worker"),
        env=env,
        ready=lambda pid: not waits or worker_is_ready(announced_in, pid),
        timeout_s=timeout_s,
    )


def gateway_answers(url: str) -> bool:
    """Return whether the gateway process answers HTTP requests, even if Redis or the catalog is down."""
    try:
        return httpx.get(f"{url}/livez", timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def worker_is_ready(redis_url: str, pid: int) -> bool:
    """Return whether the worker with this process id has announced a loaded model."""
    try:
        with open_redis(redis_url) as redis:
            return any(a.get("pid") == pid and a.get("ready") for a in _announcements(redis))
    except (RedisError, OSError):
        return False


def _announcements(redis: Redis) -> list[dict[str, object]]:
    ids = [
        str(member, "ascii") for member in redis.zrange(keyspace.WORKERS, 0, -1) if isinstance(member, bytes)
    ]
    found = redis.mget([keyspace.worker(worker_id) for worker_id in ids]) if ids else []
    return [orjson.loads(entry) for entry in found if isinstance(entry, bytes)]
