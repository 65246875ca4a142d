"""What a new user of `make run` sees: two example searches, searches over plain HTTP, and a clean stop."""

import shutil
import signal
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from tests.e2e.conftest import ALBUMS, RunningStack, StartStack
from tests.polling import eventually

#: The number of albums of stacks that are only started and stopped.
FEW = "20"

RESULT_FIELDS = {
    "id",
    "artist",
    "album_name",
    "genre",
    "genres",
    "release_year",
    "similarity",
    "pitchfork_score",
    "best_new_music",
    "cover_url",
    "thumbnail_urls",
}


def poll(client: httpx.Client, url: str) -> dict[str, object]:
    def ended() -> dict[str, object] | None:
        job: dict[str, object] = client.get(url).raise_for_status().json()
        return None if job["status"] in {"queued", "running"} else job

    return eventually(ended)


def test_a_start_shows_an_image_search_and_a_text_search(stack: RunningStack) -> None:
    output = stack.read_output()

    assert "Search by image" in output
    assert "Search by text" in output
    assert stack.url in output


def test_a_cover_is_its_own_first_result(client: httpx.Client, cover: Path) -> None:
    with cover.open("rb") as file:
        answer = client.post("/api/search-by-image", params={"k": 5}, files={"file": file})

    document = answer.raise_for_status().json()

    assert document["success"] is True
    assert document["query_type"] == "image"
    assert document["requested"] == document["total_results"] == 5
    assert document["exhausted"] is False
    assert set(document["results"][0]) == RESULT_FIELDS
    assert document["results"][0]["id"] == cover.stem
    assert document["results"][0]["similarity"] > 0.99
    similarities = [found["similarity"] for found in document["results"]]
    assert similarities == sorted(similarities, reverse=True)


def test_the_cover_address_of_a_result_can_be_fetched(client: httpx.Client) -> None:
    document = client.get("/api/search-by-text", params={"query": "blue square", "k": 1}).json()

    cover = client.get(document["results"][0]["cover_url"])

    assert cover.status_code == 200
    assert cover.headers["content-type"] == "image/jpeg"


def test_the_thumbnails_of_results_and_albums_can_be_fetched(client: httpx.Client) -> None:
    document = client.get("/api/search-by-text", params={"query": "blue square", "k": 3}).json()

    for found in document["results"]:
        album = client.get(f"/api/albums/{found['id']}").json()
        assert album["thumbnail_urls"] == found["thumbnail_urls"]
        for size_px, url in found["thumbnail_urls"].items():
            picture = client.get(url)
            assert picture.headers["content-type"] == "image/webp"
            # The demo's covers have 480 x 480 pixels and are not enlarged.
            side = min(int(size_px), 480)
            assert Image.open(BytesIO(picture.content)).size == (side, side)


def test_a_genre_filter_returns_only_that_genre(client: httpx.Client, cover: Path) -> None:
    with cover.open("rb") as file:
        params: dict[str, str | int] = {"k": 5, "genre": "Rock"}
        document = client.post("/api/search-by-image", params=params, files={"file": file}).json()

    assert all("Rock" in found["genres"] for found in document["results"])
    assert document["total_results"] == 5


def test_a_repeated_search_is_answered_from_the_cache(client: httpx.Client) -> None:
    params: dict[str, str | int] = {"query": "dark ambient", "k": 5}

    first = client.get("/api/search-by-text", params=params)
    second = client.get("/api/search-by-text", params=params)

    assert first.headers["x-cache"] == "miss"
    assert second.headers["x-cache"] == "hit"
    assert first.json()["results"] == second.json()["results"]


def test_polling_an_asynchronous_job_gives_the_result_of_a_blocking_search(client: httpx.Client) -> None:
    params: dict[str, str | int] = {"query": "a green triangle", "k": 7}

    accepted = client.get("/api/search-by-text", params=params, headers={"Prefer": "respond-async"})
    job = poll(client, accepted.headers["location"])
    blocking = client.get("/api/search-by-text", params=params).json()

    assert accepted.status_code == 202
    assert int(accepted.headers["retry-after"]) >= 1
    assert job["status"] == "succeeded"
    result = job["result"]
    assert isinstance(result, dict)
    assert result["job_id"] == job["id"]
    assert result["results"] == blocking["results"]


def test_timings_add_up(client: httpx.Client) -> None:
    answer = client.get("/api/search-by-text", params={"query": "timings add up"})

    timings = answer.json()["timings_ms"]

    assert set(timings) == {"queue", "decode", "embed", "search", "total"}
    stages = sum(spent for stage, spent in timings.items() if stage != "total")
    assert stages == pytest.approx(timings["total"], abs=0.05)
    assert "total" in answer.headers["server-timing"]


def test_an_album_is_found_by_its_second_genre(client: httpx.Client) -> None:
    params: dict[str, str | int] = {"query": "blue square", "genre": "aMBIENT"}
    document = client.get("/api/search-by-text", params=params).raise_for_status().json()
    counts = {g["genre"]: g["count"] for g in client.get("/api/stats").json()["top_genres"]}

    assert document["total_results"] == min(10, counts["Ambient"]) > 0
    for found in document["results"]:
        assert found["genre"] == found["genres"][0] != "Ambient"
        assert "Ambient" in found["genres"]


def test_pages_laid_end_to_end_show_the_whole_catalog_once(client: httpx.Client) -> None:
    found: list[dict[str, Any]] = []
    exhausted = False
    while not exhausted:
        params: dict[str, str | int] = {"query": "a green triangle", "k": 40, "offset": len(found)}
        page = client.get("/api/search-by-text", params=params).raise_for_status().json()
        assert page["requested"] == 40
        found += page["results"]
        exhausted = page["exhausted"]

    assert len({album["id"] for album in found}) == len(found) == ALBUMS
    similarities = [album["similarity"] for album in found]
    assert similarities == sorted(similarities, reverse=True)


def test_a_search_by_similarity_artist_and_metadata_finds_an_album(client: httpx.Client, cover: Path) -> None:
    album = client.get(f"/api/albums/{cover.stem}", params={"include": "metadata"}).raise_for_status().json()
    params: dict[str, str | float] = {
        "artist": album["artist"].upper(),
        "meta.caption": album["metadata"]["caption"],
        "min_similarity": 0.99,
        "include": "metadata",
    }

    with cover.open("rb") as file:
        answer = client.post("/api/search-by-image", params=params, files={"file": file})

    document = answer.raise_for_status().json()
    (first,) = document["results"]
    assert document["exhausted"] is True
    assert first == album | {"similarity": first["similarity"]}


def test_health_genres_and_stats_describe_the_demo_catalog(client: httpx.Client) -> None:
    health = client.get("/health").json()
    genres = client.get("/api/genres").json()
    stats = client.get("/api/stats").json()

    assert health["status"] == "healthy"
    assert health["models_loaded"] == {"clip": True, "supabase": True}
    assert health["total_albums"] == stats["total_albums"] == ALBUMS
    assert genres["genres"] == sorted(genres["genres"])
    assert genres["total_genres"] == len(genres["genres"])
    assert {g["genre"] for g in stats["top_genres"]} <= set(genres["genres"])


def test_two_workers_share_the_load(stack: RunningStack, client: httpx.Client) -> None:
    jobs = [
        client.get(
            "/api/search-by-text",
            params={"query": f"shared {number}"},
            headers={"Prefer": "respond-async"},
        ).headers["location"]
        for number in range(60)
    ]
    states = {str(poll(client, job)["status"]) for job in jobs}

    answered = [
        (stack.state / f"worker-{n}" / "server.log").read_text().count('"message":"answered"') for n in (1, 2)
    ]

    assert states == {"succeeded"}
    assert min(answered) > 0


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_started_process(start_stack: StartStack, stop_signal: signal.Signals) -> None:
    stack = start_stack(DEMO_ALBUMS=FEW)
    children = stack.children()

    status = stack.stop(stop_signal)
    _, alive = psutil.wait_procs(children, timeout=5)

    assert status == 0
    assert len(children) >= 4
    assert alive == []


def test_a_second_start_keeps_the_catalog_and_moves_to_another_port(start_stack: StartStack) -> None:
    first = start_stack(DEMO_ALBUMS=FEW)
    first.stop()

    shutil.rmtree(first.state / "thumbnails")
    second = start_stack(state=first.state, DEMO_ALBUMS=FEW)
    document = httpx.get(f"{second.url}/api/search-by-text", params={"query": "red"}, timeout=60).json()

    assert document["results"][0]["cover_url"].startswith(second.url)
    # Lost thumbnails are made again.
    for found in document["results"]:
        assert httpx.get(found["thumbnail_urls"]["256"]).status_code == 200
    second.stop()


def test_a_start_with_a_malformed_setting_stops_and_names_it(start_stack: StartStack) -> None:
    with pytest.raises(AssertionError, match="JOB_DEADLINE_S"):
        start_stack(JOB_DEADLINE_S="soon")
