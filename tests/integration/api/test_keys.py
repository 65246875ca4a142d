"""Tests of API keys over HTTP: authentication, ownership of jobs, and revoked keys."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from redis import Redis

from api.keys.key import Role, id_of
from api.keys.store import KeyStore
from local.servers.redis import RedisServer
from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key
from tests.integration.api.stand_ins import StandInWorker
from tests.paths import ROOT
from tests.polling import eventually
from tests.running_gateway import RunningGateway
from tests.unit.api.contract.openapi.test_document import DOCUMENT

SEARCH = "/api/search-by-text?query=red"


def started(start_gateway: StartGateway, **environ: str) -> RunningGateway:
    running = start_gateway(**environ)
    with running.client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
    return running


@pytest.fixture
def auth_required(start_gateway: StartGateway, worker: StandInWorker) -> Iterator[httpx.Client]:
    with started(start_gateway, AUTH="required", ADDRESS_RATE="unlimited").client() as client:
        yield client


@pytest.fixture
def auth_optional(start_gateway: StartGateway, worker: StandInWorker) -> Iterator[httpx.Client]:
    with started(start_gateway, AUTH="optional", ADDRESS_RATE="unlimited").client() as client:
        yield client


GUARDED = [
    (method.upper(), re.sub(r"\{\w+\}", "7", path))
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if path.startswith("/api/")
]


@pytest.mark.parametrize(("method", "path"), [*GUARDED, ("GET", "/api/none"), ("HEAD", "/api/genres")])
def test_every_api_path_needs_a_key(auth_required: httpx.Client, method: str, path: str) -> None:
    answer = auth_required.request(method, path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="cover-search"'
    if method != "HEAD":
        assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize("path", ["/", "/livez", "/health", "/readyz", "/docs", "/openapi.json"])
def test_service_endpoints_need_no_key(auth_required: httpx.Client, path: str) -> None:
    assert auth_required.get(path).status_code == 200


def test_a_key_is_accepted_in_either_header(auth_required: httpx.Client, redis: Redis) -> None:
    bearer = new_key(redis)
    key = bearer["Authorization"].split()[1]

    assert auth_required.get(SEARCH, headers=bearer).status_code == 200
    assert auth_required.get(SEARCH, headers={"X-API-Key": key}).status_code == 200
    assert auth_required.get(SEARCH, headers={"Authorization": f"bearer {key}"}).status_code == 200


def test_an_invalid_key_or_two_keys_are_refused(auth_required: httpx.Client, redis: Redis) -> None:
    bearer, other = new_key(redis), new_key(redis, "bob")
    key = bearer["Authorization"].split()[1]
    wrong = key[:-4] + ("AAAA" if not key.endswith("AAAA") else "BBBB")

    for headers in (
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Basic {key}"},
        {"Authorization": f"Bearer {wrong}"},
        {"Authorization": "Bearer"},
        {"X-API-Key": key, **other},
        {"X-API-Key": key.encode() + b"\xff"},
    ):
        assert auth_required.get(SEARCH, headers=headers).status_code == 401, headers  # type: ignore[arg-type]


BASIC = "Basic dXNlcjpwYXNzd29yZA=="
#: Authorization headers that contain no API key, as an authenticating proxy may forward them.
FOREIGN = [
    BASIC,
    "Digest username=a",
    "Negotiate YII=",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
    "Basic",
    "",
]


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_proxys_authorization_header_is_not_read_as_a_key(
    auth_required: httpx.Client, redis: Redis, foreign: str
) -> None:
    bearer = new_key(redis)
    key = bearer["Authorization"].split()[1]

    assert auth_required.get(SEARCH, headers={"Authorization": foreign, "X-API-Key": key}).status_code == 200
    twice = [("Authorization", foreign), ("Authorization", bearer["Authorization"])]
    assert auth_required.get(SEARCH, headers=twice).status_code == 200
    assert auth_required.get(SEARCH, headers=twice[::-1]).status_code == 200


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_proxys_authorization_header_does_not_replace_a_key(
    auth_required: httpx.Client, foreign: str
) -> None:
    answer = auth_required.get(SEARCH, headers={"Authorization": foreign})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="cover-search"'


@pytest.mark.parametrize("auth", ["off", "optional"])
def test_without_authentication_other_schemes_are_ignored(
    start_gateway: StartGateway, worker: StandInWorker, auth: str
) -> None:
    with started(start_gateway, AUTH=auth).client(auth=("user", "password")) as client:
        assert client.get(SEARCH).status_code == 200
        assert client.get("/health").json()["status"] == "healthy"


def test_two_keys_in_authorization_are_refused(auth_required: httpx.Client, redis: Redis) -> None:
    alice, bob = new_key(redis), new_key(redis, "bob")

    headers = [*alice.items(), *bob.items()]

    assert auth_required.get(SEARCH, headers=headers).status_code == 401
    assert auth_required.get(SEARCH, headers=[*alice.items(), *alice.items()]).status_code == 200


def test_with_optional_authentication_a_wrong_key_is_refused(auth_optional: httpx.Client) -> None:
    assert auth_optional.get(SEARCH).status_code == 200
    assert auth_optional.get(SEARCH, headers={"X-API-Key": "nonsense"}).status_code == 401


def test_a_revoked_key_is_refused_within_five_seconds(auth_required: httpx.Client, redis: Redis) -> None:
    bearer = new_key(redis)
    assert auth_required.get(SEARCH, headers=bearer).status_code == 200

    key_id = id_of(bearer["Authorization"].split()[1])
    assert key_id is not None
    assert KeyStore(redis).revoke(key_id)

    eventually(lambda: auth_required.get(SEARCH, headers=bearer).status_code == 401, within_s=5)


def ways_to(job: str) -> list[tuple[str, str]]:
    path = f"/api/jobs/{job}"
    return [("GET", path), ("GET", f"{path}?wait=1"), ("GET", f"{path}/events"), ("POST", f"{path}/cancel")]


@pytest.mark.parametrize("other", ["another", "admin", "nobody"])
def test_a_job_is_visible_only_to_the_key_that_made_it(
    auth_optional: httpx.Client, redis: Redis, worker: StandInWorker, other: str
) -> None:
    mine = new_key(redis)
    stranger = {
        "another": new_key(redis, "bob"),
        "admin": new_key(redis, "root", role=Role.ADMIN),
        "nobody": {},
    }[other]
    worker.pause()
    job = auth_optional.get(SEARCH, headers={**mine, "Prefer": "respond-async"}).json()["id"]

    for method, path in ways_to(job):
        seen = auth_optional.request(method, path, headers=stranger)
        unknown = auth_optional.request(method, path.replace(job, "0" * 32), headers=stranger)

        assert (seen.status_code, seen.json()["code"]) == (404, "job_not_found"), path
        assert full_text(seen).replace(job, "0" * 32) == full_text(unknown)
    assert auth_optional.get(f"/api/jobs/{job}", headers=mine).json()["status"] == "queued"
    worker.resume()
    assert auth_optional.get(f"/api/jobs/{job}?wait=10", headers=mine).json()["status"] == "succeeded"
    assert auth_optional.get(f"/api/jobs/{job}", headers=stranger).status_code == 404


@pytest.mark.parametrize("role", Role)
def test_an_anonymous_job_is_visible_only_without_a_key(
    auth_optional: httpx.Client, redis: Redis, worker: StandInWorker, role: Role
) -> None:
    worker.pause()
    job = auth_optional.get(SEARCH, headers={"Prefer": "respond-async"}).json()["id"]
    key = new_key(redis, role=role)

    with_a_key = [auth_optional.request(method, path, headers=key) for method, path in ways_to(job)]

    assert {(answer.status_code, answer.json()["code"]) for answer in with_a_key} == {(404, "job_not_found")}
    assert auth_optional.get(f"/api/jobs/{job}").json()["status"] == "queued"
    assert auth_optional.post(f"/api/jobs/{job}/cancel").json()["status"] == "canceled"


def test_keys_that_share_a_run_share_neither_jobs_nor_idempotency_keys(
    auth_required: httpx.Client, redis: Redis, worker: StandInWorker
) -> None:
    alice, bob = new_key(redis), new_key(redis, "bob")
    worker.pause()
    extra = {"Idempotency-Key": "same", "Prefer": "respond-async"}

    first = auth_required.get(SEARCH, headers={**alice, **extra}).json()
    second = auth_required.get(SEARCH, headers={**bob, **extra}).json()

    assert first["id"] != second["id"]
    assert second["coalesced"] is True
    assert auth_required.get(f"/api/jobs/{first['id']}", headers=bob).status_code == 404
    assert auth_required.post(f"/api/jobs/{first['id']}/cancel", headers=alice).json()["status"] == "canceled"
    assert auth_required.get(f"/api/jobs/{second['id']}", headers=bob).json()["status"] == "queued"


def test_only_admins_see_why_a_component_is_unhealthy(
    auth_required: httpx.Client, redis: Redis, worker: StandInWorker
) -> None:
    worker.announcement = {"id": "stand-in", "ready": False, "error": "config.json cannot be read"}
    eventually(lambda: auth_required.get("/readyz").status_code == 503)
    admin, user = new_key(redis, role=Role.ADMIN), new_key(redis)

    for path in ("/health", "/readyz"):
        assert "config.json" in auth_required.get(path, headers=admin).text
        assert "config.json" not in auth_required.get(path, headers=user).text
        assert auth_required.get(path).json()["problems"] == {
            "worker": "not ready; an admin key shows the reason"
        }
        assert auth_required.get(path, headers={"X-API-Key": "nonsense"}).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/readyz"])
def test_requesting_health_details_without_the_right_is_refused(
    auth_required: httpx.Client, redis: Redis, path: str
) -> None:
    admin, user = new_key(redis, role=Role.ADMIN), new_key(redis)
    insisting = f"{path}?details=true"

    assert auth_required.get(insisting, headers=admin).status_code == 200
    refused, nobody = auth_required.get(insisting, headers=user), auth_required.get(insisting)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthorized")
    assert nobody.headers["www-authenticate"] == 'Bearer realm="cover-search"'
    assert auth_required.get(f"{path}?details=false", headers=user).status_code == 200
    wrong = auth_required.get(f"{path}?detail=true")
    assert (wrong.status_code, wrong.json()["errors"][0]["parameter"]) == (422, "detail")


def test_without_authentication_everybody_sees_health_details(client: httpx.Client) -> None:
    assert client.get("/readyz?details=true").status_code == 200


def test_keys_are_neither_stored_nor_logged(
    auth_required: httpx.Client, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        bearer = new_key(redis)
        auth_required.get(SEARCH, headers=bearer)
        auth_required.get("/api/none", headers=bearer)
        auth_required.get(SEARCH, headers={"X-API-Key": bearer["Authorization"].split()[1] + "x"})
    secret = bearer["Authorization"].split("_", 2)[2]

    assert caplog.records
    assert not any(secret in str(vars(record)) for record in caplog.records)
    for name in redis.scan_iter():
        entry = redis.dump(name)
        assert entry is not None
        assert secret.encode() not in name + entry


def test_an_operator_creates_lists_and_revokes_keys(
    auth_required: httpx.Client, redis: Redis, redis_server: RedisServer
) -> None:
    def keys(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "REDIS_URL": redis_server.url}
        command = [sys.executable, "-m", "api.keys", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    made = keys("create", "alice", "--role", "admin", "--rate", "10/second")
    key = made.stdout.strip()
    key_id = id_of(key)
    assert key_id is not None

    assert auth_required.get(SEARCH, headers={"X-API-Key": key}).headers["ratelimit-limit"] == "10"
    listed = keys("list").stdout
    assert re.search(rf"^{key_id}\s+admin\s+10/second\s+\S+\s+alice$", listed, re.MULTILINE)
    assert key.split("_", 2)[2] not in listed
    assert keys("revoke", key_id).returncode == 0
    assert key_id not in keys("list").stdout
    assert keys("revoke", key_id).returncode == 1
    assert keys("create", "bob", "--rate", "lots").returncode == 2
    assert redis.ttl("api-keys") == -2


def full_text(answer: httpx.Response) -> str:
    return re.sub(r'"request_id":"[^"]+"', "", answer.text)
