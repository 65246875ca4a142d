"""A catalog that is down, slow, busy, or not set up as it must be."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from benchmarks.faults.clients import Submitted, submit_all, texts, until_answered
from benchmarks.faults.ground import Ground
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import Rig, eventually, open_rig
from local.servers.rest_gateway import Answer
from local.servers.supabase import SupabaseConfig, SupabaseServer

DEADLINE_S = 8
#: What a worker has in hand at once: all of them ask the catalog.
JOBS = 30
#: Calls that an open breaker lets through a second and worker, at the most.
PROBES_PER_S = 2

Step = Callable[[], Awaitable[None]]


async def down(ground: Ground, folder: Path, *, short: bool) -> Outcome:
    """Stop PostgreSQL under running jobs: briefly, and then for longer than a job may take."""

    async def stop() -> None:
        await asyncio.to_thread(ground.postgres.stop)

    async def start() -> None:
        await asyncio.to_thread(ground.postgres.start)

    async with open_rig(ground, folder, JOB_DEADLINE_S=str(DEADLINE_S), CATALOG_TIMEOUT_S="1") as rig:
        return await _outages(rig, "catalog down", break_it=stop, mend_it=start, short=short)


async def slow(ground: Ground, folder: Path, *, short: bool) -> Outcome:
    """Let the search sleep for longer than the catalog may take."""
    url = ground.new_catalog()

    async def sleep() -> None:
        await asyncio.to_thread(_execute, url, _SLEEP)

    async def wake() -> None:
        await asyncio.to_thread(_execute, url, _WAKE)

    catalog = {"DATABASE_URL": url, "JOB_DEADLINE_S": str(DEADLINE_S), "CATALOG_TIMEOUT_S": "1"}
    async with open_rig(ground, folder, catalog=catalog) as rig:
        return await _outages(rig, "catalog slow", break_it=sleep, mend_it=wake, short=short)


async def busy(ground: Ground, folder: Path, *, short: bool) -> Outcome:
    """Answer 429 and 503 in PostgREST's place."""
    with SupabaseServer(SupabaseConfig(folder / "postgrest", ground.new_catalog())) as supabase:
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
        async with open_rig(ground, folder, catalog=catalog | limits) as rig:
            outcome = await _outages(
                rig,
                "catalog busy",
                break_it=refuse_all,
                mend_it=let_through,
                short=short,
                asked=lambda: refused,
            )
    return outcome


async def _outages(
    rig: Rig,
    name: str,
    *,
    break_it: Step,
    mend_it: Step,
    short: bool,
    asked: Callable[[], int] | None = None,
) -> Outcome:
    """Break the catalog within the jobs' deadline, and then past it."""
    findings = Findings()
    await until_answered(rig, "before", within_s=20)
    await break_it()
    brief = await submit_all(rig, texts("brief", JOBS))
    await asyncio.sleep(1)
    await mend_it()
    await rig.drained(within_s=DEADLINE_S + 5)
    found = await rig.audit(brief.ids)
    findings.require("what can be retried in time succeeds", found.ends == {"succeeded": JOBS})

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
        findings.note(f"{calls} calls reached it in {lasted_s:.0f} s of {JOBS} waiting jobs")
        # Those already on their way when it opens, then the worker's probes and the gateway's own looks.
        findings.require("it is not hammered", calls < JOBS + 2 * PROBES_PER_S * (lasted_s + 12))
    found = await rig.audit(long.ids)
    findings.require("the rest fails as catalog_unavailable", found.ends == {"catalog_unavailable": JOBS})
    findings.require("readiness is 503 meanwhile", ready in {None, httpx.codes.SERVICE_UNAVAILABLE})
    await mend_it()
    findings.recovery_s = await until_answered(rig, "after", within_s=30)
    log = rig.workers[0].log_path.read_text()
    findings.require("the breaker opens and closes", "breaker opens" in log and "breaker closes" in log)
    return await rig.outcome(name, [*brief.ids, *long.ids], findings)


@dataclass(frozen=True, slots=True)
class Misconfiguration:
    """Something that is set up wrongly, and what the service must say of it."""

    name: str
    breaking: str
    mending: str | None
    #: Stands in the detail of the job's failure, and in that of readiness.
    told: str
    told_by_readiness: str


#: In the place of the search, with its arguments and its type, one that sleeps.
_SLEEP = """
DO $$
DECLARE
  arguments text := pg_get_function_arguments('search_albums'::regproc);
  result text := pg_get_function_result('search_albums'::regproc);
BEGIN
  ALTER FUNCTION search_albums RENAME TO search_albums_awake;
  EXECUTE format(
    'CREATE FUNCTION search_albums(%s) RETURNS %s LANGUAGE plpgsql '
    'AS $sleep$BEGIN PERFORM pg_sleep(60); END$sleep$',
    arguments, result
  );
END
$$
"""
_WAKE = """
DROP FUNCTION search_albums;
ALTER FUNCTION search_albums_awake RENAME TO search_albums;
"""
_RELOAD = "NOTIFY pgrst, 'reload schema'"

#: The last ones cannot be mended, so that nothing comes after them.
MISCONFIGURATIONS = (
    Misconfiguration(
        name="RPC missing",
        breaking="ALTER FUNCTION search_albums RENAME TO search_albums_gone",
        mending="ALTER FUNCTION search_albums_gone RENAME TO search_albums",
        told="lacks a SQL function",
        told_by_readiness="search_albums",
    ),
    Misconfiguration(
        name="table missing",
        breaking="ALTER TABLE album_covers RENAME TO album_covers_gone",
        mending="ALTER TABLE album_covers_gone RENAME TO album_covers",
        told="lacks the table album_covers",
        told_by_readiness="lacks the table album_covers",
    ),
    Misconfiguration(
        name="wrong dimension",
        breaking="DROP INDEX IF EXISTS album_covers_embedding; TRUNCATE album_covers; "
        "ALTER TABLE album_covers DROP COLUMN embedding CASCADE; "
        "ALTER TABLE album_covers ADD COLUMN embedding vector(3); "
        "INSERT INTO album_covers (id, artist, album_name, embedding) VALUES ('x', 'A', 'B', '[1,2,3]')",
        mending=None,
        told="different dimensions",
        told_by_readiness="vector(3)",
    ),
    Misconfiguration(
        name="extension missing",
        breaking="DROP EXTENSION vector CASCADE",
        mending=None,
        told="",
        told_by_readiness="pgvector is not enabled",
    ),
)


async def misconfigured(ground: Ground, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Take away the function, the table, the key, the dimension and the extension."""
    findings, submitted = Findings(), Submitted()
    url = ground.new_catalog()
    with SupabaseServer(SupabaseConfig(folder / "postgrest", url)) as supabase:
        catalog = {"SUPABASE_URL": supabase.url, "SUPABASE_KEY": supabase.service_key}
        async with open_rig(ground, folder, catalog=catalog) as rig:
            await until_answered(rig, "before", within_s=20)
            known_keys, supabase.gateway.keys = supabase.gateway.keys, frozenset()
            await _must_tell(rig, "wrong key", told="refuses the key", findings=findings, submitted=submitted)
            supabase.gateway.keys = known_keys
            for case in MISCONFIGURATIONS:
                await asyncio.to_thread(_execute, url, f"{case.breaking}; {_RELOAD}")
                await _must_tell(
                    rig,
                    case.name,
                    told=case.told,
                    told_by_readiness=case.told_by_readiness,
                    findings=findings,
                    submitted=submitted,
                )
                if case.mending is not None:
                    await asyncio.to_thread(_execute, url, f"{case.mending}; {_RELOAD}")
                    await until_answered(rig, f"after {case.name}", within_s=20)
            return await rig.outcome("catalog misconfigured", submitted.ids, findings)


async def _must_tell(
    rig: Rig,
    name: str,
    *,
    told: str,
    findings: Findings,
    submitted: Submitted,
    told_by_readiness: str | None = None,
) -> None:
    """Submit a job and read what it, and readiness, say of the fault."""
    fresh = await submit_all(rig, [name])
    submitted.ids += fresh.ids
    await rig.drained(within_s=10)
    (job_id,) = fresh.ids
    job = (await rig.http.get(f"/api/jobs/{job_id}")).json()
    error = job["error"] or {"code": job["status"], "detail": ""}
    findings.require(
        f"{name}: the job fails as catalog_misconfigured", error["code"] == "catalog_misconfigured"
    )
    findings.require(f"{name}: the job says what is wrong", told in error["detail"])
    findings.require(f"{name}: it is not tried again", rig.attempts([job_id]) == [1])

    def is_told() -> bool:
        answer = httpx.get(f"{rig.gateways[0].url}/readyz")
        problem = answer.json()["problems"].get("catalog", "")
        return (
            answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and (told_by_readiness or told) in problem
        )

    findings.require(f"{name}: readiness is 503 and says so", await eventually(is_told, within_s=10))


def _execute(url: str, statements: str) -> None:
    # Without parameters psycopg sends several statements at once.
    with psycopg.connect(url) as connection:
        connection.execute(statements.encode())
