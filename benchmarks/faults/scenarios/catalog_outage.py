"""Faults in which the catalog is down, slow or busy."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import psycopg

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import submit_all, texts, until_answered
from benchmarks.faults.outcome import Findings, Outcome, joined
from benchmarks.faults.rig import Rig, open_rig
from local.servers.supabase import SupabaseConfig, SupabaseServer
from local.servers.supabase_gateway import Answer

DEADLINE_S = 8
#: The number of jobs in each outage; a worker processes all of them concurrently.
JOBS = 30
#: The maximum number of calls per second that the open circuit breaker of a worker allows.
PROBES_PER_S = 2
#: The ways in which a worker connects to its catalog. A short run tests each fault with only one way of
#: connecting.
WAYS = DIRECTLY, OVER_POSTGREST = "psycopg", "PostgREST"

Step = Callable[[], Awaitable[None]]


async def down(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Stop PostgreSQL while jobs wait: first for a second, then until after their deadline."""

    async def stop() -> None:
        await asyncio.to_thread(catalog_server.postgres.stop)

    async def start() -> None:
        await asyncio.to_thread(catalog_server.postgres.start)

    outcomes = {}
    for way in (DIRECTLY,) if short else WAYS:
        async with _rig_by(way, catalog_server, folder, catalog_server.new_catalog()) as rig:
            outcomes[way] = await _outages(rig, "catalog down", break_it=stop, mend_it=start, short=short)
    return joined("catalog down", outcomes)


async def slow(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Replace the SQL search by a function that sleeps for longer than the catalog time-out."""
    outcomes = {}
    for way in (OVER_POSTGREST,) if short else WAYS:
        url = catalog_server.new_catalog()

        async def sleep(url: str = url) -> None:
            await asyncio.to_thread(_execute, url, _SLEEP)

        async def wake(url: str = url) -> None:
            await asyncio.to_thread(_execute, url, _WAKE)

        async with _rig_by(way, catalog_server, folder, url) as rig:
            outcomes[way] = await _outages(rig, "catalog slow", break_it=sleep, mend_it=wake, short=short)
    return joined("catalog slow", outcomes)


async def busy(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Answer every request to PostgREST with 429 or 503."""
    with SupabaseServer(SupabaseConfig(folder / "postgrest", catalog_server.new_catalog())) as supabase:
        refused = 0

        def refuse(_path: str) -> Answer:
            nonlocal refused
            refused += 1
            return Answer(429 if refused % 2 else 503, b'{"message":"try again later"}', {"retry-after": "1"})

        async def refuse_all() -> None:
            supabase.gateway.intercept = refuse

        async def let_through() -> None:
            supabase.gateway.intercept = None

        catalog = {"SUPABASE_URL": supabase.url, "SUPABASE_KEY": supabase.service_key}
        limits = {"JOB_DEADLINE_S": str(DEADLINE_S), "CATALOG_TIMEOUT_S": "1"}
        async with open_rig(catalog_server, folder, catalog=catalog | limits) as rig:
            outcome = await _outages(
                rig,
                "catalog busy",
                break_it=refuse_all,
                mend_it=let_through,
                short=short,
                asked=lambda: refused,
            )
    return outcome


@asynccontextmanager
async def _rig_by(way: str, catalog_server: CatalogServer, folder: Path, url: str) -> AsyncIterator[Rig]:
    """Open a rig whose worker and gateway connect to the catalog in one of the `WAYS`."""
    with ExitStack() as stack:
        catalog = {"DATABASE_URL": url}
        if way == OVER_POSTGREST:
            supabase = stack.enter_context(SupabaseServer(SupabaseConfig(folder / "postgrest", url)))
            catalog = {"SUPABASE_URL": supabase.url, "SUPABASE_KEY": supabase.service_key}
        limits = {"JOB_DEADLINE_S": str(DEADLINE_S), "CATALOG_TIMEOUT_S": "1"}
        async with open_rig(catalog_server, folder / way, catalog=catalog | limits) as rig:
            yield rig


async def _outages(
    rig: Rig,
    name: str,
    *,
    break_it: Step,
    mend_it: Step,
    short: bool,
    asked: Callable[[], int] | None = None,
) -> Outcome:
    """Break the catalog for less than the jobs' deadline, and then for longer than the deadline."""
    findings = Findings()
    await until_answered(rig, "before", within_s=20)
    await break_it()
    brief = await submit_all(rig, texts("brief", JOBS))
    await asyncio.sleep(1)
    await mend_it()
    await rig.drained(within_s=DEADLINE_S + 5)
    found = await rig.audit(brief.ids)
    findings.require("jobs of the short outage succeed", found.ends == {"succeeded": JOBS})

    await break_it()
    already_asked, began = asked() if asked else 0, time.monotonic()
    long = await submit_all(rig, texts("long", JOBS))
    ready = (await rig.http.get("/readyz")).status_code if name == "catalog down" else None
    await rig.drained(within_s=DEADLINE_S + 5)
    lasted_s = time.monotonic() - began
    if not short:
        await asyncio.sleep(10)
    if asked is not None:
        calls = asked() - already_asked
        findings.note(f"{calls} calls reached the catalog in {lasted_s:.0f} s for {JOBS} jobs")
        # The limit includes the calls in flight when the breaker opens, the worker's probes and the gateway's
        # checks.
        findings.require("the catalog gets few calls", calls < JOBS + 2 * PROBES_PER_S * (lasted_s + 12))
    found = await rig.audit(long.ids)
    findings.require("later jobs fail as catalog_unavailable", found.ends == {"catalog_unavailable": JOBS})
    findings.require("readiness is 503 during the outage", ready in {None, httpx.codes.SERVICE_UNAVAILABLE})
    await mend_it()
    findings.recovery_s = await until_answered(rig, "after", within_s=30)
    findings.require("the service answers again", findings.recovery_s < float("inf"))
    log = rig.workers[0].log_path.read_text()
    findings.require("the breaker opens and closes", "breaker opens" in log and "breaker closes" in log)
    return await rig.outcome(name, [*brief.ids, *long.ids], findings)


#: SQL that replaces the search with a function that sleeps and has the same arguments and return type. The
#: sleep is short because PostgREST has ten connections and does not cancel the query of a disconnected
#: client.
_SLEEP = """
DO $$
DECLARE
  arguments text := pg_get_function_arguments('ranked_albums'::regproc);
  result text := pg_get_function_result('ranked_albums'::regproc);
BEGIN
  ALTER FUNCTION ranked_albums RENAME TO ranked_albums_awake;
  EXECUTE format(
    'CREATE FUNCTION ranked_albums(%s) RETURNS %s LANGUAGE plpgsql '
    'AS $sleep$BEGIN PERFORM pg_sleep(3); END$sleep$',
    arguments, result
  );
END
$$
"""
_WAKE = """
DROP FUNCTION ranked_albums;
ALTER FUNCTION ranked_albums_awake RENAME TO ranked_albums;
"""


def _execute(url: str, statements: str) -> None:
    # psycopg sends several statements at once only if they have no parameters.
    with psycopg.connect(url) as connection:
        connection.execute(statements.encode())
