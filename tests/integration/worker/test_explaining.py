"""A real worker with the demo model explains results by the query's parts and by words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from benchmarks.explain.expected_words import is_true
from catalog.demo.albums import demo_albums
from catalog.demo.loading import load_demo
from common.ledger.gateway import GatewayLedger
from common.result_json import WORD_GROUPS
from common.search_query import AlbumPart, ImagePart, Part, SearchQuery, TextPart, image_digest
from common.settings import Settings, load_settings
from local.gateway_and_worker import Service
from local.servers.redis import RedisServer
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import submission_of
from tests.paths import DEMO_MODEL

ALBUMS = 60


@pytest.fixture
def covers(tmp_path: Path) -> Path:
    return tmp_path / "covers"


@pytest.fixture
def catalog_url(database_url: str, covers: Path, tmp_path: Path) -> str:
    """The first albums of the demo catalog, embedded by the demo model."""
    settings = load_settings(
        {"ENCODER": "openvino", "CLIP_MODEL": str(DEMO_MODEL), "MODEL_CACHE_DIR": str(tmp_path / "exports")}
    )
    load_demo(database_url, count=ALBUMS, covers=covers, settings=settings, advance=lambda _: None)
    return database_url


@pytest.fixture
def cover(catalog_url: str, covers: Path) -> bytes:
    """The cover of the first album."""
    return (covers / f"{demo_albums(1)[0].id}.jpg").read_bytes()


@pytest.fixture
def settings(redis_server: RedisServer, catalog_url: str, redis: object) -> Settings:
    return load_settings({"REDIS_URL": redis_server.url, "DATABASE_URL": catalog_url, "LEASE_S": "1"})


@pytest.fixture
def start_worker(make_worker_service: StartWorker, tmp_path: Path) -> Callable[[], Service]:
    def start() -> Service:
        service = make_worker_service(
            ENCODER="openvino", CLIP_MODEL=str(DEMO_MODEL), MODEL_CACHE_DIR=str(tmp_path / "exports")
        )
        service.start()
        return service

    return start


async def results(
    gateway: GatewayLedger, *parts: Part, image: bytes | None = None, k: int = 20, explain: bool = True
) -> list[dict[str, Any]]:
    query = SearchQuery(parts, k=k, explain=explain)
    images = () if image is None else ((image_digest(image), image),)
    job = await ended_job(gateway, (await gateway.submit(submission_of(query, images=images))).job_id)
    assert job.result is not None, job
    found: list[dict[str, Any]] = orjson.loads(job.result)["results"]
    return found


def assert_contributions_add_up(found: list[dict[str, Any]], *, parts: int) -> None:
    assert found
    for result in found:
        explained = result["explain"]["parts"]
        assert [part["part"] for part in explained] == list(range(parts))
        total = sum(part["contribution"] for part in explained)
        assert round(total, 6) == result["similarity"]


async def test_the_contributions_add_up_to_the_similarity_for_every_kind_of_query(
    gateway: GatewayLedger, start_worker: Callable[[], Service], cover: bytes
) -> None:
    start_worker()
    first, second = (album.id for album in demo_albums(2))

    by_text = await results(gateway, TextPart("red circle"), k=50)
    by_album = await results(gateway, AlbumPart(first))
    by_image = await results(gateway, ImagePart(image_digest(cover)), image=cover)
    composed = await results(
        gateway,
        TextPart("red circle", 2.0),
        ImagePart(image_digest(cover), -0.5),
        AlbumPart(second, 0.3),
        TextPart("dark", -0.7),
        image=cover,
        k=50,
    )

    for found, parts in ((by_text, 1), (by_album, 1), (by_image, 1), (composed, 4)):
        assert_contributions_add_up(found, parts=parts)
    negative = [result["explain"]["parts"][3]["contribution"] for result in composed]
    assert min(negative) < 0


async def test_the_words_are_true_of_most_covers_and_do_not_depend_on_the_query(
    gateway: GatewayLedger, start_worker: Callable[[], Service]
) -> None:
    start_worker()

    found = await results(gateway, TextPart("red"), k=50)
    others = await results(gateway, TextPart("pale misty background"), k=50)

    albums = {album.id: album for album in demo_albums(ALBUMS)}
    words, again = ({result["id"]: result["explain"]["words"] for result in each} for each in (found, others))
    for named in words.values():
        similarities = [word["similarity"] for word in named]
        assert similarities == sorted(similarities, reverse=True)
        assert {word["group"] for word in named} <= set(WORD_GROUPS)
    true = [is_true(word["word"], albums[i]) for i, named in words.items() for word in named[:3]]
    assert np.mean(true) >= 0.8
    shared = words.keys() & again.keys()
    assert shared
    for album_id in shared:
        assert_same_words(words[album_id], again[album_id])


def assert_same_words(words: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    """Compare two explanations of one album; a similarity depends, by rounding, on the other results."""
    assert [word["word"] for word in words] == [word["word"] for word in others]
    similarities = [[word["similarity"] for word in each] for each in (words, others)]
    assert similarities[0] == pytest.approx(similarities[1], abs=1e-5)


def stored_vocabularies(folder: Path) -> list[Path]:
    return list((folder / "exports").glob("vocabulary/*"))


async def test_a_plain_search_embeds_no_words(
    gateway: GatewayLedger, start_worker: Callable[[], Service], tmp_path: Path
) -> None:
    start_worker()

    plain = await results(gateway, TextPart("red"), explain=False)
    before = stored_vocabularies(tmp_path)
    explained = await results(gateway, TextPart("red"))

    assert all("explain" not in result for result in plain)
    assert before == []
    assert [{**result, "explain": None} for result in explained] == [
        {**result, "explain": None} for result in plain
    ]
    assert len(stored_vocabularies(tmp_path)) == 1


async def test_a_restarted_worker_reads_the_stored_words(
    gateway: GatewayLedger, start_worker: Callable[[], Service], tmp_path: Path
) -> None:
    first = start_worker()
    before = await results(gateway, TextPart("red"), k=5)
    first.stop()
    second = start_worker()

    after = await results(gateway, TextPart("RED"), k=6)

    assert len(before) == 5
    for result, same in zip(before, after, strict=False):
        assert_same_words(result["explain"]["words"], same["explain"]["words"])
    embedded = [
        service.log_path.read_text().count("embedding the visual vocabulary") for service in (first, second)
    ]
    assert embedded == [1, 0]
