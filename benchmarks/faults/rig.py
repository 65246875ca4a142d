"""A rig: a separate service for each fault, with Redis, gateways and workers as real processes."""

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.job_audit import Audit, Witness, audit
from benchmarks.faults.outcome import Findings, Outcome
from common.redis import keyspace
from common.redis.clients import open_redis
from common.settings import Settings, load_settings
from local.gateway_and_worker import Service, gateway_service, worker_service
from local.servers.redis import RedisConfig, RedisServer
from local.servers.server import free_port

START_S = 60.0


@dataclass(frozen=True, slots=True)
class GatewayProcess:
    service: Service
    url: str


@dataclass(slots=True)
class Rig:
    """The processes of the service under test, and helpers that start, stop and inspect them."""

    catalog_server: CatalogServer
    folder: Path
    redis_server: RedisServer
    redis: Redis
    witness: Witness
    #: The environment variables of gateways and workers.
    environ: dict[str, str]
    workers: list[Service] = field(default_factory=list)
    gateways: list[GatewayProcess] = field(default_factory=list)
    _http: httpx.AsyncClient | None = None

    @property
    def settings(self) -> Settings:
        return load_settings({k: v for k, v in self.environ.items() if k.lower() in Settings.model_fields})

    @property
    def http(self) -> httpx.AsyncClient:
        """An HTTP client for the gateway chosen by `use_gateway`; initially the first gateway."""
        if self._http is None:
            self._http = client_of(self.gateways[0].url)
        return self._http

    async def add_worker(self, environ: Mapping[str, str] | None = None, *, waits: bool = True) -> Service:
        """Start a worker; with `waits`, return only after the worker has announced its model."""
        worker = worker_service(
            self.folder,
            {**self.environ, **(environ or {})},
            # Workers connect directly to Redis, not through the proxy of a fault.
            redis_url=self.redis_server.url,
            timeout_s=START_S,
            name=f"worker-{len(self.workers)}",
            waits=waits,
        )
        self.workers.append(worker)
        await asyncio.to_thread(worker.start)
        return worker

    async def add_gateway(self, environ: Mapping[str, str] | None = None) -> GatewayProcess:
        """Start a gateway, and wait until it answers."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        env = {**self.environ, **(environ or {}), "PORT": str(port)}
        service = gateway_service(
            self.folder, env, url=url, timeout_s=START_S, name=f"gateway-{len(self.gateways)}"
        )
        gateway = GatewayProcess(service, url)
        self.gateways.append(gateway)
        await asyncio.to_thread(service.start)
        return gateway

    async def use_gateway(self, number: int) -> None:
        """Send all further requests, including the audit's, to the gateway with this index."""
        if self._http is not None:
            await self._http.aclose()
        self._http = client_of(self.gateways[number].url)

    def restart_redis(self) -> None:
        """Restart Redis with its data on the same port."""
        self.redis_server.stop()
        self.redis_server.start()

    async def drained(self, *, within_s: float) -> bool:
        """Wait until every run has ended; return whether this happened within `within_s` seconds."""

        def is_empty() -> bool:
            try:
                return not self.redis.zcard(keyspace.DEADLINES)
            except (RedisError, OSError):
                return False

        return await eventually(is_empty, within_s=within_s)

    def keys(self, prefix: str) -> list[bytes]:
        """Return the keys in Redis that start with a prefix."""
        return [key for key in self.redis.scan_iter(prefix + "*", count=1000) if isinstance(key, bytes)]

    def attempts(self, run_ids: Sequence[str]) -> list[int]:
        """Return the number of attempts that each run has recorded."""
        pipeline = self.redis.pipeline(transaction=False)
        for run_id in run_ids:
            pipeline.hget(keyspace.RUN + run_id, "attempts")
        return [int(attempts or 0) for attempts in pipeline.execute()]

    async def audit(self, job_ids: Sequence[str]) -> Audit:
        """Audit every accepted job."""
        return await audit(self.http, job_ids, deadline_s=self.settings.job_deadline_s, witness=self.witness)

    async def outcome(
        self, name: str, job_ids: Sequence[str], findings: Findings, *, found: Audit | None = None
    ) -> Outcome:
        """Return the outcome of a fault from its findings and an audit of its jobs."""
        found = found or await self.audit(job_ids)
        ends = ", ".join(f"{count} {end}" for end, count in found.ends.most_common())
        return Outcome(
            name=name,
            accepted=found.accepted,
            lost=found.lost,
            unfinished=found.unfinished,
            extra_results=found.extra_results,
            recovery_s=_rounded(findings.recovery_s),
            broken=tuple(findings.broken),
            slow=tuple(findings.slow),
            note="; ".join([ends, *findings.notes] if ends else findings.notes),
        )

    async def stop_services(self) -> None:
        """Stop gateways and workers; Redis keeps running."""
        services = [*self.workers, *(gateway.service for gateway in self.gateways)]
        await asyncio.gather(*(asyncio.to_thread(service.stop) for service in services))

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.aclose()
        await self.stop_services()
        self.witness.stop()
        self.redis.close()
        self.redis_server.stop()


def _rounded(recovery_s: float | None) -> float | None:
    # Infinity means "never recovered"; JSON cannot represent infinity, and `broken` reports this case.
    return round(recovery_s, 2) if recovery_s is not None and math.isfinite(recovery_s) else None


@asynccontextmanager
async def open_rig(
    catalog_server: CatalogServer,
    folder: Path,
    *,
    workers: int = 1,
    gateways: int = 1,
    catalog: dict[str, str] | None = None,
    redis_port: int | None = None,
    **environ: str,
) -> AsyncIterator[Rig]:
    """Start a rig; the `catalog` settings default to a new catalog in the shared PostgreSQL."""
    redis_server = RedisServer(RedisConfig(folder / "redis", port=redis_port or free_port()))
    redis_server.start()
    redis = open_redis(redis_server.url)
    witness = Witness(redis)
    witness.start()
    rig = Rig(
        catalog_server=catalog_server,
        folder=folder,
        redis_server=redis_server,
        redis=redis,
        witness=witness,
        environ={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "REDIS_URL": redis_server.url,
            "ENCODER": "fixed",
            **(catalog or {"DATABASE_URL": catalog_server.new_catalog()}),
            **environ,
        },
    )
    try:
        await asyncio.gather(
            *(rig.add_worker() for _ in range(workers)), *(rig.add_gateway() for _ in range(gateways))
        )
        yield rig
    finally:
        await rig.stop()


def client_of(url: str) -> httpx.AsyncClient:
    """Return an HTTP client without a limit on the number of connections."""
    return httpx.AsyncClient(base_url=url, timeout=30, limits=httpx.Limits(max_keepalive_connections=64))


async def eventually(holds: Callable[[], bool], *, within_s: float, every_s: float = 0.05) -> bool:
    """Wait until a condition holds; return whether it held within `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not await asyncio.to_thread(holds):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True
