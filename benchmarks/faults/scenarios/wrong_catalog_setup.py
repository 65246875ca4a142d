"""Faults in the setup of the catalog: the service reports each problem and does not retry the search."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import submit_all, until_answered
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import Rig, eventually, open_rig
from benchmarks.faults.scenarios.overload import SEARCH_PATH
from local.servers.supabase import SupabaseConfig, SupabaseServer
from local.servers.supabase_gateway import Answer


@dataclass(frozen=True, slots=True)
class ExpectedReport:
    """The expected report of a misconfiguration: the problem code, and words that the message contains."""

    problem: str
    words: str


@dataclass(frozen=True, slots=True)
class Misconfiguration:
    """A misconfiguration of the catalog, and the reports expected from the service."""

    name: str
    breaking: str
    mending: str | None
    by_job: ExpectedReport
    by_readiness: ExpectedReport


WRONG_KEY = ExpectedReport("bad_key", "refuses the key")
#: Two misconfigurations cannot be undone, so they come last.
MISCONFIGURATIONS = (
    Misconfiguration(
        name="RPC missing",
        breaking="ALTER FUNCTION versioned_search RENAME TO versioned_search_gone",
        mending="ALTER FUNCTION versioned_search_gone RENAME TO versioned_search",
        by_job=ExpectedReport("rpc_missing", "lacks a SQL function"),
        by_readiness=ExpectedReport("rpc_missing", "versioned_search"),
    ),
    Misconfiguration(
        name="table missing",
        breaking="ALTER TABLE album_covers RENAME TO album_covers_gone",
        mending="ALTER TABLE album_covers_gone RENAME TO album_covers",
        by_job=ExpectedReport("table_missing", "lacks the table album_covers"),
        by_readiness=ExpectedReport("table_missing", "lacks the table album_covers"),
    ),
    Misconfiguration(
        name="wrong dimension",
        breaking="DROP INDEX IF EXISTS album_covers_embedding; TRUNCATE album_covers; "
        "ALTER TABLE album_covers DROP COLUMN embedding CASCADE; "
        "ALTER TABLE album_covers ADD COLUMN embedding vector(3); "
        "INSERT INTO album_covers (id, artist, album_name, embedding) VALUES ('x', 'A', 'B', '[1,2,3]')",
        mending=None,
        by_job=ExpectedReport("wrong_dimension", "different dimensions"),
        by_readiness=ExpectedReport("wrong_dimension", "vector(3)"),
    ),
    Misconfiguration(
        name="extension missing",
        # Dropping the extension drops every function with a vector argument, so a job reports a missing
        # function. The reported remedy, applying the schema, also restores the extension. Readiness reports
        # the real cause.
        breaking="DROP EXTENSION vector CASCADE",
        mending=None,
        by_job=ExpectedReport("rpc_missing", "apply the schema"),
        by_readiness=ExpectedReport("pgvector_missing", "pgvector is not enabled"),
    ),
)


class SearchCounter:
    """Counts the searches sent to Supabase, and forwards them unchanged."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, path: str) -> Answer | None:
        self.calls += path == SEARCH_PATH
        return None


async def misconfigured(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Break the key, the search function, the table, the dimension and the extension, one at a time."""
    findings, searches = Findings(), SearchCounter()
    url = catalog_server.new_catalog()
    with SupabaseServer(SupabaseConfig(folder / "postgrest", url)) as supabase:
        supabase.gateway.intercept = searches
        catalog = {"SUPABASE_URL": supabase.url, "SUPABASE_KEY": supabase.service_key}
        async with open_rig(catalog_server, folder, catalog=catalog) as rig:
            check = _ReportCheck(rig, searches, findings)
            await until_answered(rig, "before", within_s=20)
            known_keys, supabase.gateway.keys = supabase.gateway.keys, frozenset()
            await check.require_report("wrong key", by_job=WRONG_KEY, by_readiness=WRONG_KEY)
            supabase.gateway.keys = known_keys
            for case in MISCONFIGURATIONS:
                await _change(supabase, url, case.breaking)
                await check.require_report(case.name, by_job=case.by_job, by_readiness=case.by_readiness)
                if case.mending is not None:
                    await _change(supabase, url, case.mending)
                    await until_answered(rig, f"after {case.name}", within_s=20)
            findings.note(f"{check.searches} searches reached PostgREST for {len(check.job_ids)} jobs")
            return await rig.outcome("catalog misconfigured", check.job_ids, findings)


class _ReportCheck:
    """Checks how the service reports a misconfiguration, and counts the searches sent to the catalog."""

    def __init__(self, rig: Rig, counter: SearchCounter, findings: Findings) -> None:
        self._rig = rig
        self._counter = counter
        self._findings = findings
        self.job_ids: list[str] = []
        #: The number of searches sent for the jobs in `job_ids`.
        self.searches = 0

    async def require_report(
        self, name: str, *, by_job: ExpectedReport, by_readiness: ExpectedReport
    ) -> None:
        """Check that a job, a waiting search and the readiness endpoint each report the misconfiguration."""
        await self._check_job(name, by_job)
        await self._check_answer(name, by_job)
        await self._check_readiness(name, by_readiness)

    async def _check_job(self, name: str, expected: ExpectedReport) -> None:
        before = self._counter.calls
        submitted = await submit_all(self._rig, [name])
        await self._rig.drained(within_s=10)
        searches = self._counter.calls - before
        (job_id,) = submitted.ids
        job = (await self._rig.http.get(f"/api/jobs/{job_id}")).json()
        error = job["error"] or {"code": job["status"], "detail": ""}
        require = self._findings.require
        require(f"{name}: the job names its problem (reports {error})", _names(error, expected))
        require(f"{name}: PostgREST gets one search (got {searches})", searches == 1)
        require(f"{name}: the job is not run again", self._rig.attempts([job_id]) == [1])
        self.job_ids.append(job_id)
        self.searches += searches

    async def _check_answer(self, name: str, expected: ExpectedReport) -> None:
        answer = await self._rig.http.get("/api/search-by-text", params={"query": f"{name}, waiting"})
        kept = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and _names(answer.json(), expected)
        self._findings.require(f"{name}: a search that waits names the problem", kept)

    async def _check_readiness(self, name: str, expected: ExpectedReport) -> None:
        def is_reported() -> bool:
            answer = httpx.get(f"{self._rig.gateways[0].url}/readyz")
            reason = answer.json()["problems"].get("catalog", "")
            named = reason.startswith(f"{expected.problem}: ") and expected.words in reason
            return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and named

        kept = await eventually(is_reported, within_s=10)
        self._findings.require(f"{name}: readiness is 503 and names the problem", kept)


def _names(error: dict[str, object], expected: ExpectedReport) -> bool:
    named = (error["code"], error.get("problem")) == ("catalog_misconfigured", expected.problem)
    return named and expected.words in str(error["detail"])


async def _change(supabase: SupabaseServer, url: str, statements: str) -> None:
    """Change the catalog, and wait until PostgREST has reloaded its schema cache."""

    def change() -> None:
        # psycopg sends several statements at once only if they have no parameters.
        with psycopg.connect(url) as connection:
            connection.execute(f"{statements}; NOTIFY pgrst, 'reload schema'".encode())

    def has_reloaded() -> bool:
        # PostgREST answers PGRST202 if the called function is not in its schema cache.
        key = supabase.service_key
        code = httpx.post(
            f"{supabase.url}{SEARCH_PATH}",
            json={"query_embedding": "[1,2,3]"},
            headers={"apikey": key, "Authorization": f"Bearer {key}"},
        ).json()["code"]
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT to_regproc('public.versioned_search') IS NOT NULL").fetchone()
        return row == (code != "PGRST202",)

    await asyncio.to_thread(change)
    if not await eventually(has_reloaded, within_s=10):
        raise RuntimeError("PostgREST has not read its functions again within 10 s")
