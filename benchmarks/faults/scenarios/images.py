"""A fault in which one client sends images that are slow to decode and another sends ordinary covers."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.costly_images.bmps import short_lines
from benchmarks.costly_images.family import encoded, noise
from benchmarks.costly_images.jpegs import repeated_last_scan
from benchmarks.costly_images.pngs import chunk, filtered, truncated
from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import Submitted, submit_image
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import Rig, open_rig

#: Milliseconds that a real model takes for one image on two cores.
ENCODE_MS = "30"
#: The address of the client that sends covers; the gateway counts each address as a separate client.
OTHER_ADDRESS = "127.0.0.2"
COVERS_PER_S = 4
FLOODERS = 16
#: Seconds after which a refused client retries, ignoring `Retry-After`.
AGAIN_S = 0.1
P95_FACTOR = 2.0
#: The number of bytes of a PNG's signature and header chunk.
PNG_START_BYTES = 33
#: The number of scans of a JPEG that takes 16 s of CPU time to decode.
SCANS = 500


async def costly(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Flood the only decoder process with the accepted images that are slowest to decode."""
    seconds = 6.0 if short else 30.0
    findings, submitted = Findings(), Submitted()
    covers = _covers()
    files, underestimated = await asyncio.to_thread(_costly_files), await asyncio.to_thread(_underestimated)
    async with open_rig(catalog_server, folder, FIXED_LATENCY_MS=ENCODE_MS, DECODER_PROCESSES="1") as rig:
        refused = await rig.http.post(
            "/api/search-by-image", files={"file": await asyncio.to_thread(repeated_last_scan, SCANS)}
        )
        findings.require(
            "500 scans are refused before decoding",
            (refused.status_code, refused.json()["code"]) == (422, "image_too_costly"),
        )
        ended = await submit_image(rig.http, next(underestimated), submitted)
        await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        findings.require("an underestimated image is tried once", rig.attempts([ended or ""]) == [1])
        transport = httpx.AsyncHTTPTransport(local_address=OTHER_ADDRESS)
        async with httpx.AsyncClient(base_url=rig.gateways[0].url, transport=transport, timeout=60) as other:
            await _p95_ms(other, covers, 2.0, submitted)  # the first requests warm up decoder and connections
            alone = await _p95_ms(other, covers, seconds, submitted)
            beside: dict[str, float] = {}
            for name, flooding in (("expensive", files), ("underestimated", underestimated)):
                stop = asyncio.Event()
                flood = [asyncio.create_task(_flood(rig, flooding, submitted, stop)) for _ in range(FLOODERS)]
                await asyncio.sleep(2)
                beside[name] = await _p95_ms(other, covers, seconds, submitted)
                stop.set()
                await asyncio.gather(*flood)
                await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        findings.require("every refusal is 429 or 503 with Retry-After", submitted.all_refusals_polite)
        findings.note(f"{len(submitted.refusals)} images of the floods refused")
        findings.note(f"p95 of another client's images {alone:.0f} ms alone")
        for name, p95_ms in beside.items():
            findings.note(f"{p95_ms:.0f} ms beside {name} images")
            findings.within(
                f"p95 beside {name} images is", p95_ms / alone, P95_FACTOR, unit="times the p95 alone"
            )
        found = await rig.audit(submitted.ids)
        others = set(found.ends) - {"succeeded", "image_too_costly", "undecodable_image", "deadline_exceeded"}
        findings.require(
            "jobs end only in expected states", not others and found.ends["image_too_costly"] >= 1
        )
        return await rig.outcome("costly images", submitted.ids, findings, found=found)


def _costly_files() -> Iterator[bytes]:
    """Return an endless series of different files, alternately the slowest accepted JPEG, BMP and PNG."""
    made = (repeated_last_scan(38), short_lines(3900), filtered(5800, depth=16))
    return (made[number % 3] + number.to_bytes(8) for number in itertools.count())


def _covers() -> Iterator[bytes]:
    """Return different covers."""
    whole = encoded(noise(640, 640, grain_px=8), "JPEG")
    return (whole + number.to_bytes(8) for number in itertools.count())


def _underestimated() -> Iterator[bytes]:
    """Return different files that take several times their estimated time, and the first file even longer."""
    yield truncated(4400)
    made = truncated(1800)
    for number in itertools.count():
        yield made[:PNG_START_BYTES] + chunk(b"teSt", number.to_bytes(8)) + made[PNG_START_BYTES:]


async def _flood(rig: Rig, files: Iterator[bytes], into: Submitted, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if await submit_image(rig.http, next(files), into) is None:
            await asyncio.sleep(AGAIN_S)


async def _p95_ms(
    other: httpx.AsyncClient, covers: Iterator[bytes], seconds: float, into: Submitted
) -> float:
    """Search by covers at a steady rate; return the 95th percentile of the latency in milliseconds."""
    spent_ms: list[float] = []

    async def search() -> None:
        began = time.perf_counter()
        answer = await other.post("/api/search-by-image", files={"file": next(covers)})
        spent_ms.append((time.perf_counter() - began) * 1000)
        into.ids.append(answer.raise_for_status().json()["job_id"])

    async with asyncio.TaskGroup() as tasks:
        for _ in range(int(seconds * COVERS_PER_S)):
            tasks.create_task(search())
            await asyncio.sleep(1 / COVERS_PER_S)
    return statistics.quantiles(spent_ms, n=20)[18]
