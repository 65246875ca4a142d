"""The OpenAPI document lists every header of every kind of answer."""

import re
from typing import Any

import httpx
import pytest
from redis import Redis

from api.http.middleware.security_headers import SecurityHeaders
from api.keys.key import Role
from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key
from tests.integration.api.stand_ins import StandInWorker
from tests.polling import eventually
from tests.unit.api.contract.openapi.test_document import DOCUMENT

#: Headers that HTTP itself defines and that any server may send.
HTTP = {"date", "content-length", "content-type", "transfer-encoding", "connection"}
#: Headers on every answer of the gateway; docs/http.md documents these headers once for all answers.
POLICIES = {name.decode() for name, _ in SecurityHeaders(public_url=None).of("/api/")}
TEXT = "/api/search-by-text"


def undocumented(answer: httpx.Response) -> set[str]:
    """Return the undocumented headers of an answer, or only its status if the status is undocumented."""
    request = answer.request
    for path, operations in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path):
            responses = operations[request.method.lower()]["responses"]
            if str(answer.status_code) not in responses:
                return {f"status {answer.status_code}"}
            known = {name.lower() for name in responses[str(answer.status_code)].get("headers", {})}
            return {*answer.headers} - known - HTTP - POLICIES
    raise AssertionError(f"{request.url.path} is not in the document")


@pytest.fixture
def answers(
    start_gateway: StartGateway, worker: StandInWorker, redis: Redis, cover: bytes
) -> dict[str, httpx.Response]:
    """Return answers of every endpoint, with every status that a test can cause."""
    running = start_gateway(AUTH="required", ADDRESS_RATE="9/hour")
    with running.client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        poor, user = new_key(redis, rate="1/hour"), new_key(redis, rate="9999/hour")
        admin = new_key(redis, role=Role.ADMIN)

        def get(path: str, **headers: str) -> httpx.Response:
            return client.get(path, headers={**user, **headers})

        def post(path: str, **content: Any) -> httpx.Response:
            return client.post(path, headers={**user, **content.pop("headers", {})}, **content)

        text = get(f"{TEXT}?query=fog&k=3")
        job = get(f"{TEXT}?query=rain", Prefer="respond-async")
        path = job.headers["location"]
        got = {
            "text": text,
            "text again": get(f"{TEXT}?query=fog&k=3", Prefer="wait=5"),
            "text, known": get(f"{TEXT}?query=fog&k=3", **{"If-None-Match": text.headers["etag"]}),
            "text, refused": get(f"{TEXT}?query="),
            "job accepted": job,
            "image": post("/api/search-by-image", files={"file": cover}),
            "no image": post("/api/search-by-image", files={"file": b"hello"}),
            "compressed": post("/api/search", content=b"{}", headers={"Content-Encoding": "gzip"}),
            "composed": post("/api/search", json={"parts": [{"text": "fog"}]}),
            "malformed": post("/api/search", content=b"{"),
            "similar": get("/api/albums/7/similar"),
            "similar to none": get("/api/albums/none/similar"),
            "job": get(f"{path}?wait=10"),
            "events": get(f"{path}/events"),
            "canceled": post(f"{path}/cancel"),
            "no job": get("/api/jobs/none"),
            "genres": get("/api/genres"),
            "genres, known": get("/api/genres", **{"If-None-Match": get("/api/genres").headers["etag"]}),
            "stats": get("/api/stats"),
            "albums": get("/api/albums?q=artist"),
            "album": get("/api/albums/7"),
            "no album": get("/api/albums/none"),
            "root": get("/"),
            "alive": get("/livez"),
            "health": get("/health"),
            "ready": client.get("/readyz?details=true", headers=admin),
            "forbidden": get("/health?details=true"),
            "service": client.get("/api/service", headers=admin),
            "service, forbidden": get("/api/service"),
            "ingests": client.get("/api/ingests", headers=admin),
            "ingests, forbidden": get("/api/ingests"),
            "no key": client.get("/api/genres"),
            "no key for details": client.get("/health?details=true"),
            "guess": client.get("/health", headers={"X-API-Key": "guess"}),
        }
        client.get("/api/genres", headers=poor)
        got["limited"] = client.get("/api/genres", headers=poor)
        worker.announcement = {"id": "stand-in", "ready": False}
        eventually(lambda: client.get("/readyz").status_code == 503)
        got["not ready"] = client.get("/readyz")
    return got


def test_every_sent_header_is_documented(answers: dict[str, httpx.Response]) -> None:
    found = {name: undocumented(answer) for name, answer in answers.items()}

    assert {name: headers for name, headers in found.items() if headers} == {}
    seen = {answer.status_code for answer in answers.values()}
    assert seen == {200, 202, 304, 400, 401, 403, 404, 415, 422, 429, 503}


def test_the_documented_rate_limit_and_key_headers_are_sent(answers: dict[str, httpx.Response]) -> None:
    limits = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}

    assert all(limits <= {*answers[name].headers} for name in ("text", "text, known", "limited", "guess"))
    assert "www-authenticate" in answers["no key"].headers
    assert int(answers["limited"].headers["retry-after"]) >= 1
