"""A Redis that can lose jobs is recognized by its configuration."""

import pytest

from common.redis.durability import durability_faults, shares_cache
from common.settings import load_settings

SOUND = {"maxmemory": 100_000_000, "maxmemory_policy": "noeviction", "aof_enabled": 1}


def test_a_persistent_broker_without_eviction_has_no_fault() -> None:
    assert durability_faults(SOUND, shares_cache=False) == ()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
def test_an_evicting_broker_is_reported_with_the_setting_to_change(policy: str) -> None:
    (fault,) = durability_faults(SOUND | {"maxmemory_policy": policy}, shares_cache=False)

    assert policy in fault
    assert "noeviction" in fault


def test_the_fault_says_when_the_cache_shares_the_evicting_server() -> None:
    (fault,) = durability_faults(SOUND | {"maxmemory_policy": "allkeys-lru"}, shares_cache=True)

    assert "queue and cache share" in fault
    assert "CACHE_REDIS_URL" in fault


def test_a_server_without_a_limit_never_evicts() -> None:
    assert (
        durability_faults(SOUND | {"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}, shares_cache=True)
        == ()
    )


@pytest.mark.parametrize("change", [{"aof_enabled": 0}, {"aof_last_write_status": "err"}])
def test_a_broker_without_persistence_is_reported(change: dict[str, object]) -> None:
    (fault,) = durability_faults(SOUND | change, shares_cache=False)

    assert "restart" in fault


@pytest.mark.parametrize(
    ("cache", "shared"),
    [
        ("", True),
        ("redis://broker:6379/1", True),
        ("redis://broker:6380/0", False),
        ("redis://other/0", False),
    ],
)
def test_two_databases_of_one_server_count_as_shared(cache: str, shared: bool) -> None:
    settings = load_settings({"REDIS_URL": "redis://broker/0", "CACHE_REDIS_URL": cache})

    assert shares_cache(settings) is shared
