"""A minimal FastAPI service that answers its only route from a Redis key.

python -m benchmarks.service.bare_fastapi REDIS_URL PORT      uses the gateway's uvicorn settings
"""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI, Response
from redis.asyncio import Redis as AsyncRedis

from api.__main__ import BACKLOG, KEEP_ALIVE_S
from benchmarks.harness.stack import START_S, Stack, base_environ
from common.redis.clients import open_redis
from local.gateway_and_worker import Service
from local.servers.server import free_port

KEY = "bare"


@dataclass(frozen=True, slots=True)
class Bare:
    """A running bare service and its URL."""

    url: str


def bare_app(redis_url: str) -> FastAPI:
    """Return the FastAPI application of the bare service."""
    redis = AsyncRedis.from_url(redis_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await redis.aclose()

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def cached() -> Response:
        return Response(await redis.get(KEY), media_type="application/json")

    return app


@contextmanager
def bare_service(stack: Stack, body: bytes, *, folder: Path) -> Iterator[Bare]:
    """Run the bare service, which answers with `body` from the stack's Redis."""
    with open_redis(stack.redis.url) as redis:
        redis.set(KEY, body)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    service = Service(
        "bare",
        folder=folder / "bare",
        command=[sys.executable, "-m", "benchmarks.service.bare_fastapi", stack.redis.url, str(port)],
        env=base_environ(folder),
        ready=lambda _: _answers(url),
        timeout_s=START_S,
    )
    service.start()
    try:
        if httpx.get(url).content != body:
            raise RuntimeError("the bare route answers with something else")
        yield Bare(url)
    finally:
        service.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    uvicorn.run(
        bare_app(sys.argv[1]),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
