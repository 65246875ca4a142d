"""Tests of the service endpoints, the request id of every answer, and the problem document of every error."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from common.catalog.errors import misconfigured
from common.errors import CatalogMisconfigured
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import GENRES, MODEL, MemoryCatalog, StandInWorker
from tests.paths import ROOT
from tests.polling import eventually


def test_health_reports_every_component_healthy(client: httpx.Client) -> None:
    assert client.get("/health").json() == {
        "status": "healthy",
        "models_loaded": {"clip": True, "supabase": True},
        "total_albums": 60,
        "workers": 1,
        "queue_depth": 0,
        "model": MODEL,
        "problems": {},
    }


def test_without_a_worker_readiness_fails_with_the_reason(start_gateway: StartGateway) -> None:
    with start_gateway().client() as client:
        health = client.get("/health")
        ready = client.get("/readyz")

    assert health.status_code == 200
    assert health.json()["status"] == "degraded"
    assert health.json()["models_loaded"] == {"clip": False, "supabase": True}
    assert health.json()["model"] is None
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "problems": {"worker": "no worker is alive"}}


def test_readiness_reports_why_a_worker_could_not_load_its_model(
    client: httpx.Client, worker: StandInWorker
) -> None:
    worker.announcement = {"id": "stand-in", "ready": False, "error": "model_unavailable: truncated file"}

    eventually(lambda: client.get("/readyz").status_code == 503)

    assert client.get("/health").json()["models_loaded"]["clip"] is False
    assert "truncated file" in client.get("/readyz").json()["problems"]["worker"]


def test_health_names_the_fault_of_the_catalog(client: httpx.Client, catalog: MemoryCatalog) -> None:
    catalog.fault = CatalogMisconfigured("search_albums is missing: apply the schema", problem="rpc_missing")

    eventually(lambda: client.get("/readyz").status_code == 503)
    health = client.get("/health").json()

    assert health["status"] == "degraded"
    assert health["models_loaded"]["supabase"] is False
    reported = "rpc_missing: search_albums is missing: apply the schema"
    assert client.get("/readyz").json()["problems"]["catalog"] == reported
    assert client.get("/livez").status_code == 200


def test_a_catalog_misconfiguration_is_reported_and_searches_continue(
    start_gateway: StartGateway,
    worker: StandInWorker,
    catalog: MemoryCatalog,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.background.catalog_warnings.CHECK_EVERY_S", 0.01)
    catalog.wrong = [misconfigured("rows_capped")]

    with start_gateway().client() as client:
        eventually(lambda: catalog.asked_what_is_wrong > 2)
        ready = client.get("/readyz")

    reported = [record for record in caplog.records if record.message == "the catalog is misconfigured"]
    assert [vars(record)["problem"] for record in reported] == ["rows_capped"]
    assert "db-max-rows" in vars(reported[0])["detail"]
    assert ready.status_code == 200


def test_the_root_names_the_endpoints(client: httpx.Client) -> None:
    document = client.get("/").json()

    assert document["service"] == "cover-search"
    assert "GET /api/search-by-text" in document["endpoints"]
    assert document["links"]["docs"] == "/docs"


def test_genres_have_the_expected_form(client: httpx.Client) -> None:
    assert client.get("/api/genres").json() == {
        "success": True,
        "total_genres": len(GENRES),
        "genres": list(GENRES),
    }


def test_stats_have_the_expected_form(client: httpx.Client) -> None:
    stats = client.get("/api/stats").json()

    assert set(stats) == {
        "total_albums",
        "top_genres",
        "year_range",
        "pitchfork_scores",
        "albums_without_palette",
    }
    assert stats["top_genres"][0] == {"genre": "Electronic", "count": 20}
    assert set(stats["year_range"]) == {"min", "max"}
    assert set(stats["pitchfork_scores"]) == {"average", "min", "max", "best_new_music_count"}


def test_catalog_metadata_is_cached_and_tagged(client: httpx.Client, catalog: MemoryCatalog) -> None:
    first = client.get("/api/stats")
    second = client.get("/api/stats", headers={"If-None-Match": first.headers["etag"]})
    album = client.get("/api/albums/7")

    assert second.status_code == 304
    assert catalog.calls.count("stats") == 1
    assert album.json()["artist"] == "Artist 7"
    assert client.get("/api/albums/7", headers={"If-None-Match": album.headers["etag"]}).status_code == 304


def test_catalog_metadata_of_a_misconfigured_catalog_is_an_error(
    start_gateway: StartGateway, catalog: MemoryCatalog
) -> None:
    catalog.fault = CatalogMisconfigured("use the service_role key", problem="not_service_role")

    with start_gateway().client() as client:
        answer = client.get("/api/stats")

    assert answer.status_code == 503
    assert answer.json()["code"] == "catalog_misconfigured"
    assert answer.json()["detail"] == "use the service_role key"
    assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("GET", "/api/genres/", 404, "not_found"),
        ("PUT", "/api/genres", 405, "method_not_allowed"),
        ("DELETE", "/api/search-by-image", 405, "method_not_allowed"),
        ("GET", "/api/genres?genre=Rock", 422, "invalid_parameter"),
        ("GET", "/api/search-by-text", 422, "invalid_parameter"),
        ("POST", "/api/search-by-image", 422, "invalid_parameter"),
        ("POST", "/api/search", 400, "malformed_body"),
        ("GET", "/docs/files/none.js", 404, "not_found"),
    ],
)
def test_every_error_is_a_problem_with_the_request_id(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path, headers={"X-Request-Id": "abc-123"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc-123"


def test_a_refused_method_is_answered_with_the_allowed_ones(client: httpx.Client) -> None:
    assert client.delete("/api/genres").headers["allow"] == "GET"


def test_an_unexpected_error_shows_only_its_request_id(
    client: httpx.Client, catalog: MemoryCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    catalog.album = None  # type: ignore[method-assign, assignment]

    answer = client.get("/api/albums/3")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal"
    assert "NoneType" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "é"])
def test_an_unsafe_request_id_is_replaced(client: httpx.Client, given: str) -> None:
    answer = client.get("/livez", headers=[(b"X-Request-Id", given.encode())])

    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/api/genres", "/api/search-by-text?query=red", "/docs", "/none"])
def test_head_answers_like_get_without_a_body(client: httpx.Client, path: str) -> None:
    got = client.get(path)

    headed = client.head(path)

    assert headed.status_code == got.status_code
    assert headed.headers["content-type"] == got.headers["content-type"]
    assert headed.headers.get("etag") == got.headers.get("etag")
    assert headed.content == b""


def test_no_answer_names_the_server_software(client: httpx.Client) -> None:
    assert "server" not in client.get("/livez").headers


def test_the_api_docs_page_needs_no_internet(client: httpx.Client) -> None:
    page = client.get("/docs").raise_for_status().text

    sources = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert sources
    for source in sources:
        # The path is relative to /docs.
        assert source.startswith(("docs/", "data:"))
        if source.startswith("docs/"):
            client.get(f"/{source}").raise_for_status()
    assert "validatorUrl: null" in client.get("/docs/start.js").text


def test_covers_are_served_if_a_folder_is_configured(start_gateway: StartGateway, tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8\xff")

    with start_gateway(COVERS_DIR=str(tmp_path)).client() as client:
        cover = client.get("/covers/1.jpg")
        outside = client.get("/covers/%2e%2e/%2e%2e/etc/passwd")

    assert cover.headers["content-type"] == "image/jpeg"
    assert (outside.status_code, outside.json()["code"]) == (404, "not_found")


def test_the_gateway_never_imports_the_model_stack_or_a_decoder_of_images() -> None:
    program = (
        "import sys, api.__main__\n"
        "heavy = {'torch', 'transformers', 'openvino', 'worker', 'pi_heif', 'PIL', 'cv2'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_gateway_without_a_catalog_says_which_setting_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api"], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr
