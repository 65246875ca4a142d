"""Run the soak: `python -m benchmarks.soak --minutes N`, as `make soak MINUTES=N` does."""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.rig import Rig, eventually, open_rig
from benchmarks.harness.docs_section import show
from benchmarks.paths import ROOT
from benchmarks.soak.clients import MIX, Account, Load
from benchmarks.soak.samples import Growth, Samples
from benchmarks.soak.table import table
from common.redis import keyspace
from common.settings import Settings
from common.validation.strict_numbers import decimal_number, whole_number
from local.gateway_and_worker import Service

RESULTS = Path(__file__).parent.parent / "soak.json"

#: The number of workers, and the jobs per second of each. One worker is never restarted, so that the growth
#: of its memory is visible.
WORKERS, JOBS_PER_S = 3, 20
LATENCY_MS = 1000 // JOBS_PER_S
#: Short lifetimes, so that the amount of expiring data is constant after the first minute.
TTLS = {
    "JOB_DEADLINE_S": "20",
    "JOB_TTL_S": "20",
    "RESULT_TTL_S": "20",
    "EMBEDDING_TTL_S": "20",
    "LEASE_S": "4",
}
#: Seconds until every key with a lifetime has expired; a result outlives its last job by a minute.
LONGEST_TTL_S = 85.0
WARM_UP_S = 60.0
#: The number of queries sent at once at the start. The burst makes the workers create all pool threads during
#: the warm-up, because each thread adds about 0.2 MiB of memory.
BURST = 2 * WORKERS * Settings().worker_concurrency
#: The shortest run in minutes whose results are recorded and shown in docs/faults.md.
SHOWN_FROM_MINUTES = 10
RESTART_EVERY_S = (8.0, 20.0)
#: The keys that never expire; `common/redis/keyspace.py` explains why.
PERMANENT_KEYS = frozenset(
    {
        keyspace.CATALOG_VERSION,
        keyspace.CATALOG_MODEL,
        keyspace.CATALOG_PREPROCESSING,
        *keyspace.KOMBU_BINDINGS,
    }
)

#: Prefixes of the keys that expire after more than LONGEST_TTL_S.
LONG_LIVED_KEYS = (keyspace.SERVICE_RATE, keyspace.METRICS, keyspace.GATEWAYS, keyspace.GATEWAY)


def main(arguments: Sequence[str]) -> int:
    """Run the soak test; return 0 if no job was lost or late, nothing grew and no key was left."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=decimal_number, default=10.0)
    parser.add_argument("--seed", type=whole_number, default=4)
    options = parser.parse_args(arguments)
    # Handle SIGTERM like Ctrl-C, so that the servers are stopped before this process ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        CatalogServer(Path(folder, "postgres")) as catalog_server,
    ):
        document = asyncio.run(
            _soak(catalog_server, Path(folder), for_s=options.minutes * 60, seed=options.seed)
        )
    print(json.dumps(document, indent=1))
    if options.minutes >= SHOWN_FROM_MINUTES:
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
        show(ROOT / "docs" / "faults.md", "soak", table(document))
    return 0 if document["met"] else 1


async def _soak(catalog_server: CatalogServer, folder: Path, *, for_s: float, seed: int) -> dict[str, object]:
    url = catalog_server.new_catalog()
    catalog = {"DATABASE_URL": url, "FIXED_LATENCY_MS": str(LATENCY_MS), "BATCH_MAX": "1", **TTLS}
    async with open_rig(catalog_server, folder, workers=WORKERS, catalog=catalog) as rig:
        samples = Samples(rig, database_url=url)
        load = Load(
            rig.http,
            per_s=WORKERS * JOBS_PER_S / 2,
            deadline_s=rig.settings.job_deadline_s,
            seed=seed,
        )
        restarts = _Restarts(rig.workers[1:], seed=seed)
        disturbing = [asyncio.create_task(samples.run()), asyncio.create_task(restarts.run())]
        await load.run(for_s=for_s, burst=BURST)
        for task in disturbing:
            task.cancel()
        for outcome in await asyncio.gather(*disturbing, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        growth = samples.growth(warm_up_s=min(WARM_UP_S, for_s / 3))
        left = await _left_over(rig)
    return _document(load.account, growth, for_s=for_s, restarts=restarts.done, left=left)


class _Restarts:
    """Ends workers at random moments by SIGTERM or SIGKILL, and restarts them."""

    def __init__(self, workers: Sequence[Service], *, seed: int) -> None:
        self._workers = workers
        self._dice = random.Random(seed)
        self.done = {"terminated": 0, "killed": 0}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(*RESTART_EVERY_S))
            worker = self._dice.choice(self._workers)
            gently = self._dice.random() < 0.5
            with suppress(ProcessLookupError):
                os.kill(worker.pid or 0, signal.SIGTERM if gently else signal.SIGKILL)
            await eventually(lambda worker=worker: not worker.running, within_s=35)  # type: ignore[misc]
            await asyncio.to_thread(worker.restart)
            self.done["terminated" if gently else "killed"] += 1


async def _left_over(rig: Rig) -> list[str]:
    """Wait until all keys with a lifetime have expired, stop the service, and return the remaining keys."""

    def left() -> list[str]:
        names = {key.decode() for key in rig.keys("")} - PERMANENT_KEYS
        # The service-rate key and the counts of requests live for minutes; the test does not wait for this,
        # and only checks that these keys have an expiry.
        return sorted(
            name for name in names if not name.startswith(LONG_LIVED_KEYS) or rig.redis.ttl(name) == -1
        )

    def only_keys_of_processes() -> bool:
        return all(key.startswith((keyspace.WORKER, keyspace.WORKERS, keyspace.SWEEPING)) for key in left())

    await rig.drained(within_s=rig.settings.job_deadline_s + 5)
    await eventually(only_keys_of_processes, within_s=LONGEST_TTL_S, every_s=1)
    await rig.stop_services()
    await eventually(lambda: not left(), within_s=2 * rig.settings.lease_s + 2, every_s=0.5)
    return left()


def _document(
    account: Account, growth: dict[str, Growth], *, for_s: float, restarts: dict[str, int], left: list[str]
) -> dict[str, object]:
    grew = [name for name, figures in growth.items() if not figures.is_noise]
    failed = {end: n for end, n in account.ends.items() if end not in {"succeeded", "canceled"}}
    return {
        "minutes": round(for_s / 60, 2),
        "mix_percent": MIX,
        "sent": account.sent,
        "ends": dict(account.ends.most_common()),
        "refused": account.refused,
        "unanswered": account.unanswered,
        "lost": len(account.lost),
        "late": len(account.late),
        "median_s": round(statistics.median(account.took_s), 3),
        "p99_s": round(statistics.quantiles(account.took_s, n=100)[98], 3),
        "worker_restarts": restarts,
        "growth": {name: asdict(figures) for name, figures in growth.items()},
        "grew": grew,
        "left_in_redis": left,
        "met": not (account.lost or account.late or account.unanswered or grew or left or failed),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
