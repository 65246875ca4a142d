"""A worker with a misconfigured catalog logs a warning at startup, and still works."""

from pathlib import Path

import orjson
import psycopg

from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from local.servers.supabase import SupabaseConfig, SupabaseServer
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import text_submission


async def test_a_worker_behind_a_low_row_limit_warns_and_answers_completely(
    gateway: GatewayLedger, make_worker_service: StartWorker, catalog_url: str, tmp_path: Path
) -> None:
    with SupabaseServer(SupabaseConfig(tmp_path / "postgrest", catalog_url, max_rows=5)) as server:
        worker = make_worker_service(SUPABASE_URL=server.url, SUPABASE_KEY=server.service_key)
        worker.start()

        job = await ended_job(gateway, (await gateway.submit(text_submission("red", k=20))).job_id)

    assert job.state is JobState.SUCCEEDED
    assert orjson.loads(job.result or b"{}")["total_results"] == 20
    assert reported_problems(worker.log_path) == ["rows_capped"]


async def test_a_worker_warns_when_the_catalog_tracks_no_changes(
    gateway: GatewayLedger, make_worker_service: StartWorker, catalog_url: str
) -> None:
    with psycopg.connect(catalog_url) as connection:
        connection.execute("ALTER TABLE album_covers DISABLE TRIGGER ALL")
    worker = make_worker_service()
    worker.start()

    job = await ended_job(gateway, (await gateway.submit(text_submission("red"))).job_id)

    assert job.state is JobState.SUCCEEDED
    assert reported_problems(worker.log_path) == ["changes_untracked"]


def reported_problems(log: Path) -> list[str]:
    records = [orjson.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [record["problem"] for record in records if record["message"] == "the catalog is misconfigured"]
