"""A separate service for one measurement, with Redis, gateway and workers as real processes."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.benchmark_context import DEMO_ALBUMS, Bench
from local.gateway_and_worker import Service, gateway_service, worker_service
from local.servers.redis import RedisConfig, RedisServer
from local.servers.server import free_port

START_S = 300.0
#: Settings for a worker whose model only sleeps, to measure everything except the model.
FIXED = {"ENCODER": "fixed"}


@dataclass(frozen=True, slots=True)
class Stack:
    """The processes of a running service, and the URL of its gateway."""

    url: str
    redis: RedisServer
    gateway: Service
    workers: tuple[Service, ...]
    environ: Mapping[str, str]


@contextmanager
def open_stack(
    bench: Bench, *, workers: int = 1, albums: int = DEMO_ALBUMS, environ: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Start a service, and stop it at the end; `environ` overrides the default settings."""
    folder = bench.new_folder("stack")
    with ExitStack() as running:
        redis = running.enter_context(RedisServer(RedisConfig(folder / "redis")))
        env = {
            **base_environ(folder),
            "REDIS_URL": redis.url,
            "DATABASE_URL": bench.catalog(albums),
            "CLIP_MODEL": str(bench.model()),
            "MODEL_CACHE_DIR": str(bench.model_cache),
            "ENCODER": "openvino",
            **(environ or {}),
        }
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        gateway = gateway_service(folder, {**env, "PORT": str(port)}, url=url, timeout_s=START_S)
        processes = [
            gateway,
            *(worker_service(folder, env, name=f"worker-{n}", timeout_s=START_S) for n in range(workers)),
        ]
        for process in processes:
            running.callback(process.stop)
        with ThreadPoolExecutor(len(processes)) as threads:
            list(threads.map(Service.start, processes))
        yield Stack(url, redis, gateway, tuple(processes[1:]), env)


def base_environ(folder: Path) -> dict[str, str]:
    """Return a minimal environment without the user's settings of the service."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}
