"""A fault in which clients send many requests and never read an answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import eventually, open_rig
from benchmarks.faults.scenarios.clients import MIB, PATIENCE_FACTOR, forget_peak, p99_ms, peak_bytes

GROWTH_MIB = 20.0
#: The number of pipelined requests of the client that reads its answers; the other clients read none.
READ = 200
REQUEST = b"GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"


async def unread(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Send 1,500 requests on each of 50 connections, read no answer, and measure another client's latency."""
    connections, requests, seconds = (50, 300, 3.0) if short else (50, 1500, 15.0)
    findings = Findings()
    async with open_rig(catalog_server, folder) as rig:
        gateway = psutil.Process(rig.gateways[0].service.pid or 0)
        port = int(rig.gateways[0].url.rpartition(":")[2])
        await rig.http.get("/api/search-by-text", params={"query": "patience"})
        alone_ms = await p99_ms(rig, seconds)
        before = gateway.memory_info().rss
        forget_peak(gateway)
        async with _unread_connections(port, connections, REQUEST * requests):
            beside_ms = await p99_ms(rig, seconds)
            grown = (peak_bytes(gateway) - before) / MIB
            began = time.monotonic()
            answered = await _read_all(port, REQUEST * (READ - 1) + LAST)
            findings.note(f"a client that reads gets {READ} answers in {time.monotonic() - began:.2f} s")
        findings.require("a client that reads gets every answer", answered == READ)
        findings.note(f"peak memory grew by {grown:.1f} MiB")
        findings.require(f"memory grows by less than {GROWTH_MIB:g} MiB", grown < GROWTH_MIB)
        findings.note(
            f"p99 of another client {alone_ms:.1f} ms alone, "
            f"{beside_ms:.1f} ms beside {connections} x {requests} requests"
        )
        findings.within("p99 grew to", beside_ms / alone_ms, PATIENCE_FACTOR, unit="times the p99 alone")
        closed = await eventually(lambda: len(gateway.net_connections("tcp")) < connections, within_s=20)
        findings.require("the clients' sockets are closed afterwards", closed)
        return await rig.outcome("pipelined, unread", [], findings)


@asynccontextmanager
async def _unread_connections(port: int, count: int, sent: bytes) -> AsyncIterator[None]:
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport reads
        writer.write(sent)
        writers.append(writer)
    yield
    for writer in writers:
        writer.transport.abort()


async def _read_all(port: int, sent: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    answers = (await reader.read(-1)).count(b"HTTP/1.1 200")
    writer.close()
    return answers
