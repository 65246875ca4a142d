"""What a gateway believes of the catalog's version: what it saw lately, and nothing where it saw nothing."""

import pytest
from redis.asyncio import Redis

from api.search.catalog_version import POLL_EVERY_S, VERSION_MAX_AGE_S, CatalogVersion
from common.queries import SearchQuery, TextPart

RED = SearchQuery((TextPart("red"),))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> CatalogVersion:
    # Nothing here asks Redis.
    return CatalogVersion(Redis(), clock=clock)


async def see(watch: CatalogVersion, version: str | None, *, clock: Clock, takes_s: float = 0.0) -> None:
    async def ask() -> str | None:
        clock.now_s += takes_s
        return version

    await watch.poll_catalog(ask)


async def test_a_query_has_one_key_as_long_as_the_version_stays(watch: CatalogVersion, clock: Clock) -> None:
    await see(watch, "one", clock=clock)
    first = watch.key_of(RED)
    clock.now_s += VERSION_MAX_AGE_S / 2
    await see(watch, "one", clock=clock)

    assert watch.key_of(RED) == first
    assert first.made_from == "unknown one"

    await see(watch, "two", clock=clock)

    assert watch.key_of(RED).value != first.value


@pytest.mark.parametrize("version", ["one", None])
async def test_what_is_not_seen_again_is_not_believed_for_long(
    watch: CatalogVersion, clock: Clock, version: str | None
) -> None:
    await see(watch, version, clock=clock)
    seen = watch.key_of(RED)
    clock.now_s += VERSION_MAX_AGE_S

    assert watch.key_of(RED).value != seen.value
    assert "unknown-" in watch.key_of(RED).made_from


async def test_an_answer_is_as_old_as_its_question(watch: CatalogVersion, clock: Clock) -> None:
    await see(watch, "one", clock=clock, takes_s=VERSION_MAX_AGE_S)

    assert "unknown-" in watch.key_of(RED).made_from


async def test_an_unknown_version_lasts_no_longer_than_a_look(watch: CatalogVersion, clock: Clock) -> None:
    await see(watch, None, clock=clock)
    first = watch.key_of(RED)

    assert watch.key_of(RED) == first

    clock.now_s += POLL_EVERY_S

    assert watch.key_of(RED).value != first.value


async def test_two_gateways_share_no_key_of_an_unknown_version(watch: CatalogVersion, clock: Clock) -> None:
    other = CatalogVersion(Redis(), clock=clock)

    assert watch.key_of(RED).value != other.key_of(RED).value
