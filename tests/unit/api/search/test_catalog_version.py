"""A catalog version that the gateway read too long ago counts as unknown."""

import pytest
from redis.asyncio import Redis

from api.search.catalog_version import POLL_EVERY_S, VERSION_MAX_AGE_S, CatalogVersion
from common.search_query import SearchQuery, TextPart
from tests.clock import Clock

RED = SearchQuery((TextPart("red"),))


@pytest.fixture
def watch(clock: Clock) -> CatalogVersion:
    # The client never connects, because these tests send nothing to Redis.
    return CatalogVersion(Redis(), clock=clock)


async def see(watch: CatalogVersion, version: str | None, *, clock: Clock, takes_s: float = 0.0) -> None:
    async def ask() -> str | None:
        clock.now_s += takes_s
        return version

    await watch.poll_catalog(ask)


async def test_a_query_keeps_its_key_while_the_version_stays(watch: CatalogVersion, clock: Clock) -> None:
    await see(watch, "one", clock=clock)
    first = watch.key_of(RED)
    clock.now_s += VERSION_MAX_AGE_S / 2
    await see(watch, "one", clock=clock)

    assert watch.key_of(RED) == first
    assert first.made_from == "unknown one"

    await see(watch, "two", clock=clock)

    assert watch.key_of(RED).value != first.value


async def test_gateways_with_and_without_thumbnails_have_different_keys(clock: Clock) -> None:
    keys = []
    for has_thumbnails in (False, True):
        watch = CatalogVersion(Redis(), has_thumbnails=has_thumbnails, clock=clock)
        await see(watch, "one", clock=clock)
        keys.append(watch.key_of(RED))

    assert keys[0].value != keys[1].value
    assert [key.made_from for key in keys] == ["unknown one", "unknown one thumbnails"]


@pytest.mark.parametrize("version", ["one", None])
async def test_a_version_that_is_not_confirmed_expires(
    watch: CatalogVersion, clock: Clock, version: str | None
) -> None:
    await see(watch, version, clock=clock)
    seen = watch.key_of(RED)
    clock.now_s += VERSION_MAX_AGE_S

    assert watch.key_of(RED).value != seen.value
    assert "unknown-" in watch.key_of(RED).made_from


async def test_the_age_of_a_version_counts_from_when_it_was_requested(
    watch: CatalogVersion, clock: Clock
) -> None:
    await see(watch, "one", clock=clock, takes_s=VERSION_MAX_AGE_S)

    assert "unknown-" in watch.key_of(RED).made_from


async def test_keys_of_an_unknown_version_last_one_check_interval(
    watch: CatalogVersion, clock: Clock
) -> None:
    await see(watch, None, clock=clock)
    first = watch.key_of(RED)

    assert watch.key_of(RED) == first

    clock.now_s += POLL_EVERY_S

    assert watch.key_of(RED).value != first.value


async def test_two_gateways_share_no_key_while_the_version_is_unknown(
    watch: CatalogVersion, clock: Clock
) -> None:
    other = CatalogVersion(Redis(), clock=clock)

    assert watch.key_of(RED).value != other.key_of(RED).value
