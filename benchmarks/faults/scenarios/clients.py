"""Faults caused by clients (disconnects, slow, endless or hostile uploads), and a killed gateway."""

import asyncio
import json
import os
import signal
import statistics
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import Submitted, submit, texts
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import Rig, client_of, eventually, open_rig
from common.redis import keyspace

MIB = 1024 * 1024
BOMB_GROWTH_MIB = 50.0
#: The maximum number of bytes of a refused upload that a client can send: the bytes that the gateway reads
#: before it closes the connection, plus the bytes in socket buffers.
OVERSIZE_READ_MIB = 64.0
PATIENCE_FACTOR = 2.0
#: The number of clients that start per second; clients must not all act at the same moment.
ARRIVALS_PER_S = 200
#: The number of Redis connections that the gateway may add after the warm-up; its pool holds at most 64.
POOL_SLACK_FDS = 16
#: Must be longer than the gateway needs to notice that a client has disconnected.
SETTLED_S = 3.0
WAITERS_COUNTED = '"message":"checked waiters"'


async def gateway_killed(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Kill a gateway that clients wait for; the clients then read their jobs from another gateway."""
    clients = 20 if short else 200
    findings, submitted = Findings(), Submitted()
    async with open_rig(catalog_server, folder, gateways=2, FIXED_LATENCY_MS="300", BATCH_MAX="4") as rig:
        second = client_of(rig.gateways[1].url)
        for text in texts("gateway killed", clients):
            await submit(rig.http, text, submitted)
        waits = [asyncio.create_task(_wait_for(rig.http, job_id)) for job_id in submitted.ids]
        # The client of a blocking search does not know the job's id, only its own idempotency key.
        keyed = asyncio.create_task(_search(rig.http, "keyed"))
        await eventually(lambda: bool(rig.keys(keyspace.IDEMPOTENCY)), within_s=10)
        os.kill(rig.gateways[0].service.pid or 0, signal.SIGKILL)
        killed = time.monotonic()
        broken = sum(answer is None for answer in await asyncio.gather(*waits))
        findings.require("clients were waiting when the gateway was killed", broken > 0)
        findings.require("the blocking search was cut off", await keyed is None)
        again = await _search(second, "keyed")
        findings.require("the Idempotency-Key finds the search", again is not None and again.is_success)
        polled = [await _wait_for(second, job_id) for job_id in submitted.ids]
        findings.recovery_s = time.monotonic() - killed
        findings.require(
            "every result is polled from the other gateway",
            all(answer is not None and answer.json()["status"] == "succeeded" for answer in polled),
        )
        findings.require("the keyed search ran once", len(rig.keys(keyspace.IDEMPOTENCY)) == 1)
        findings.note(f"{broken} waiting clients disconnected")
        await rig.use_gateway(1)
        await second.aclose()
        return await rig.outcome("gateway killed", submitted.ids, findings)


async def _wait_for(http: httpx.AsyncClient, job_id: str) -> httpx.Response | None:
    try:
        return await http.get(f"/api/jobs/{job_id}", params={"wait": "30"}, timeout=40)
    except httpx.TransportError:
        return None


async def _search(http: httpx.AsyncClient, key: str) -> httpx.Response | None:
    try:
        return await http.get(
            "/api/search-by-text", params={"query": key}, headers={"Idempotency-Key": key}, timeout=40
        )
    except httpx.TransportError:
        return None


async def clients_hang_up(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Send searches, and disconnect each client after 0.2 s, long before its job ends."""
    # The clients arrive over more than a second, because the gateway counts waiters once a second.
    clients = 300 if short else 1000
    findings = Findings()
    async with open_rig(
        catalog_server,
        folder,
        gateways=0,
        FIXED_LATENCY_MS="500",
        MAX_QUEUE_DEPTH="2000",
        JOB_DEADLINE_S="120",
    ) as rig:
        served = await rig.add_gateway({"LOG_LEVEL": "DEBUG"})
        await rig.http.get("/livez")
        gateway = psutil.Process(served.service.pid or 0)
        port = int(served.url.rpartition(":")[2])
        # Warm up first, so that Redis connections that the gateway opens and keeps are not counted as leaks.
        await _hang_up_all(port, range(clients // 5))
        before_fds, before_subscriptions = await _settled_fds(gateway), _subscriptions(rig)
        await _hang_up_all(port, range(clients // 5, clients))
        hung_up = time.monotonic()
        # File descriptors are counted because the connection list omits sockets that the client has reset.
        back = await eventually(lambda: gateway.num_fds() <= before_fds + POOL_SLACK_FDS, within_s=30)
        findings.recovery_s = time.monotonic() - hung_up
        findings.require("every client's socket is closed", back)
        waiters = await _later_waiters(served.service.log_path)
        findings.require("the gateway counted waiting requests", max(waiters) > 0)
        findings.require("no waiting request is left", waiters[-1] == 0)
        findings.require("the clients' jobs are still running", bool(rig.redis.zcard(keyspace.DEADLINES)))
        findings.require(
            "the number of subscriptions is as before", _subscriptions(rig) == before_subscriptions
        )
        after_fds = gateway.num_fds()
        findings.require(
            "the number of file descriptors is as before", after_fds <= before_fds + POOL_SLACK_FDS
        )
        findings.note(f"{before_fds} file descriptors before, {after_fds} afterwards")
        findings.note(f"at most {max(waiters)} waiting requests, {waiters[-1]} afterwards")
        job_ids = [key.decode().removeprefix(keyspace.JOB) for key in rig.keys(keyspace.JOB)]
        findings.require("most searches were accepted", len(job_ids) > clients / 2)
        await rig.drained(within_s=rig.settings.job_deadline_s)
        return await rig.outcome("clients hang up", job_ids, findings)


async def _settled_fds(process: psutil.Process) -> int:
    """Return a process's number of open file descriptors once the number is stable for three seconds."""
    known, since = process.num_fds(), time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        await asyncio.sleep(0.1)
        if process.num_fds() != known:
            known, since = process.num_fds(), time.monotonic()
    return known


async def _later_waiters(log_path: Path) -> list[int]:
    """Wait until the gateway has logged two more counts of waiting requests, and return all logged counts."""
    known = len(_waiters(log_path))
    await eventually(lambda: len(_waiters(log_path)) >= known + 2, within_s=10)
    return _waiters(log_path)


def _waiters(log_path: Path) -> list[int]:
    lines = log_path.read_text().splitlines()
    return [json.loads(line)["waiters"] for line in lines if WAITERS_COUNTED in line]


def _client_sockets(gateway: psutil.Process, port: int) -> int:
    return sum(
        connection.laddr.port == port and connection.status != psutil.CONN_LISTEN
        for connection in gateway.net_connections("tcp")
    )


def _subscriptions(rig: Rig) -> list[object]:
    return [*rig.redis.pubsub_numsub(keyspace.EVENTS, keyspace.CATALOG_EVENTS)]


async def _hang_up_all(port: int, numbers: range) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in numbers:
            tasks.create_task(_hang_up(port, number))
            await asyncio.sleep(1 / ARRIVALS_PER_S)


async def _hang_up(port: int, number: int) -> None:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        request = f"GET /api/search-by-text?query=hang%20up%20{number} HTTP/1.1\r\nHost: gateway\r\n\r\n"
        writer.write(request.encode())
        await asyncio.sleep(0.2)
        writer.close()


async def bomb(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Upload a decompression bomb: a file of half a megabyte with 169 million pixels."""
    findings = Findings()
    image = await asyncio.to_thread(bomb_png, 13_000)
    async with open_rig(catalog_server, folder, workers=0) as rig:
        await rig.http.post("/api/search-by-image", files={"file": b"no image"})
        gateway = psutil.Process(rig.gateways[0].service.pid or 0)
        before = gateway.memory_info().rss
        forget_peak(gateway)
        statuses, spent_ms = set(), []
        for _ in range(10):
            began = time.perf_counter()
            answer = await rig.http.post("/api/search-by-image", files={"file": image})
            spent_ms.append((time.perf_counter() - began) * 1000)
            statuses.add((answer.status_code, answer.json()["code"]))
        grown = (peak_bytes(gateway) - before) / MIB
        findings.require("every upload is refused with 422", statuses == {(422, "image_too_many_pixels")})
        findings.within(
            f"{len(image) / 1e6:.2f} MB, the slowest of ten refusals took", max(spent_ms), 100, unit="ms"
        )
        findings.note(f"peak memory grew by {grown:.1f} MiB")
        findings.require("memory grows by less than 50 MiB", grown < BOMB_GROWTH_MIB)
        return await rig.outcome("decompression bomb", [], findings)


def forget_peak(process: psutil.Process) -> None:
    """Reset the peak resident memory that Linux records for a process (proc(5), clear_refs)."""
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def peak_bytes(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak_kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak_kib) * 1024


def bomb_png(side_px: int) -> bytes:
    """Return a single-colour RGB PNG that is a thousand times smaller than its pixel data."""
    row = bytes(1 + 3 * side_px)
    packer = zlib.compressobj(9)
    data = b"".join([*(packer.compress(row) for _ in range(side_px)), packer.flush()])
    header = struct.pack("!IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


async def endless_body(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Upload a gigabyte in chunks, without a declared length."""
    findings = Findings()
    async with open_rig(catalog_server, folder, workers=0) as rig:
        gateway = psutil.Process(rig.gateways[0].service.pid or 0)
        before = gateway.memory_info().rss
        status, sent = await _upload_chunks(rig, 1024 * MIB)
        findings.require("the upload is answered with 413", status == 413)
        findings.note(f"{sent / MIB:.1f} of 1024 MiB were sent")
        findings.require("the upload is not read to its end", sent < OVERSIZE_READ_MIB * MIB)
        findings.note(f"memory grew by {(gateway.memory_info().rss - before) / MIB:.1f} MiB")
        return await rig.outcome("endless upload", [], findings)


async def _upload_chunks(rig: Rig, total: int) -> tuple[int, int]:
    """Upload until the gateway answers or disconnects; return the status and the number of bytes sent."""
    host, _, port = rig.gateways[0].url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /api/search-by-image HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\n\r\n'
    writer.write(b"%x\r\n%b\r\n" % (len(head), head))
    answer = asyncio.create_task(reader.readline())
    chunk, sent = bytes(65536), 0
    with suppress(OSError):
        while sent < total and not writer.is_closing():
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            sent += len(chunk)
            await writer.drain()
    line = await asyncio.wait_for(answer, 10)
    writer.transport.abort()
    return int(line.split()[1]), sent


async def slow_senders(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Send many uploads one byte a second, and measure the latency of another client."""
    senders, seconds = (100, 3.0) if short else (500, 15.0)
    findings = Findings()
    async with open_rig(catalog_server, folder) as rig:
        gateway = psutil.Process(rig.gateways[0].service.pid or 0)
        port = int(rig.gateways[0].url.rpartition(":")[2])
        await rig.http.get("/api/search-by-text", params={"query": "patience"})
        alone_ms = await p99_ms(rig, seconds)
        stop = asyncio.Event()
        dripping = []
        for _ in range(senders):
            dripping.append(asyncio.create_task(_drip(port, stop)))
            await asyncio.sleep(1 / ARRIVALS_PER_S)
        await eventually(lambda: _client_sockets(gateway, port) >= senders, within_s=20)
        beside_ms = await p99_ms(rig, seconds)
        stop.set()
        await asyncio.gather(*dripping)
        back = await eventually(lambda: _client_sockets(gateway, port) <= 8, within_s=20)
        findings.require("the clients' sockets are closed afterwards", back)
        findings.note(
            f"p99 of another client {alone_ms:.1f} ms alone, {beside_ms:.1f} ms beside {senders} slow senders"
        )
        findings.within("p99 grew to", beside_ms / alone_ms, PATIENCE_FACTOR, unit="times the p99 alone")
        return await rig.outcome("slow senders", [], findings)


async def p99_ms(rig: Rig, seconds: float) -> float:
    """Request a cached answer at a steady rate; return the 99th percentile of the latency in milliseconds."""
    spent_ms: list[float] = []

    async def ask() -> None:
        began = time.perf_counter()
        answer = await rig.http.get("/api/search-by-text", params={"query": "patience"})
        answer.raise_for_status()
        spent_ms.append((time.perf_counter() - began) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(int(seconds * 50)):
            tasks.create_task(ask())
            await asyncio.sleep(0.02)
    return statistics.quantiles(spent_ms, n=100)[98]


async def _drip(port: int, stop: asyncio.Event) -> None:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /api/search-by-image HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        while not stop.is_set():
            writer.write(b"-")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
        writer.transport.abort()
