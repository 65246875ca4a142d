"""Every uploaded file is answered with a result or the right 4xx status, and no process dies."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from benchmarks.costly_images.jpegs import repeated_last_scan
from benchmarks.costly_images.pngs import truncated
from common.redis import keyspace
from common.redis.clients import open_redis
from common.settings import Settings
from local.gateway_and_worker import Service
from tests.integration.hostile.conftest import MAX_IMAGE_BYTES
from tests.integration.hostile.corpus import OK, HostileFile, corpus, encoded, photo

FILES_MIN = 200


def processes(worker: Service) -> set[int]:
    """Return the process ids of the worker and its decoder processes."""
    assert worker.pid is not None
    own = psutil.Process(worker.pid)
    return {own.pid, *(child.pid for child in own.children(recursive=True))}


@pytest.mark.timeout(300)
def test_every_hostile_file_gets_a_result_or_the_right_error_and_no_process_dies(
    client: httpx.Client, worker: Service, settings: Settings
) -> None:
    # The decoder processes for long files start when the first long file arrives.
    assert client.post("/api/search-by-image", files={"file": repeated_last_scan(19)}).status_code == 200
    files = list(corpus(max_pixels=settings.max_image_pixels, max_bytes=MAX_IMAGE_BYTES))
    before = processes(worker)

    def answer(file: HostileFile) -> tuple[int, str]:
        got = client.post("/api/search-by-image", files={"file": ("cover.jpg", file.data, "image/jpeg")})
        return got.status_code, OK if got.status_code == 200 else str(got.json()["code"])

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(answer, files))

    wrong = [
        (file.name, status, code)
        for file, (status, code) in zip(files, answers, strict=True)
        if code not in file.answers or not (status == 200 or 400 <= status < 500)
    ]
    assert wrong == []
    assert len({file.data for file in files}) >= FILES_MIN
    assert len({file.name for file in files}) == len(files)
    # The corpus causes every acceptable code at least once.
    assert min(Counter(code for _, code in answers).values()) >= 1
    assert {code for _, code in answers} == {code for file in files for code in file.answers}
    assert processes(worker) == before
    assert client.post("/api/search-by-image", files={"file": encoded(photo(), "JPEG")}).status_code == 200


@pytest.mark.parametrize("worker", [{"DECODE_CPU_S": "0.15"}], indirect=True)
def test_a_costly_file_with_a_low_estimate_is_stopped_and_not_retried(
    client: httpx.Client, worker: Service, settings: Settings
) -> None:
    before = processes(worker)

    began = client.post(
        "/api/search-by-image", files={"file": truncated(1450)}, headers={"Prefer": "respond-async"}
    )
    job = client.get(f"/api/jobs/{began.json()['id']}", params={"wait": "60"}).json()

    assert (job["status"], job["error"]["code"]) == ("failed", "image_too_costly")
    assert "took more than 0.15 s" in job["error"]["detail"]
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        assert redis.hget(keyspace.RUN + job["id"], "attempts") == b"1"
    assert worker.pid in before
    assert client.post("/api/search-by-image", files={"file": encoded(photo(), "JPEG")}).status_code == 200
    assert processes(worker) != before
