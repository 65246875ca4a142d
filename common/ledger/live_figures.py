"""Figures of the queue, the workers and the memory, which one script reads from the ledger."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

#: The maximum number of queued runs whose kinds are counted.
KINDS_COUNTED = 2000


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures of the ledger at one moment."""

    #: The number of runs in the queue, without the parked runs.
    queued: int
    parked: int
    running: int
    #: The numbers of queued runs by type of query, among the first KINDS_COUNTED runs of the queue.
    queued_by_kind: Mapping[str, int]
    #: The seconds since the oldest queued run was created; None if no run is queued.
    oldest_age_s: float | None
    #: The seconds since the oldest parked run was parked; None if no run is parked.
    oldest_parked_age_s: float | None
    #: The runs per second that all workers end under load; None if not measured in the last ten minutes.
    service_rate: float | None
    image_bytes: int
    shared_bytes: int
    #: The memory that Redis uses; None if the user of Redis may not call INFO.
    redis_used_bytes: int | None
    #: The limit of Redis's memory; None if there is no limit, or the user may not call INFO.
    redis_max_bytes: int | None
    #: Worker announcements, latest expiry last.
    workers: tuple[dict[str, Any], ...]


def read_overview(reply: Sequence[Any]) -> Overview:
    """Read the reply of `read_live_figures.lua`."""
    queued, parked, running, age_ms, parked_age_ms, rate, image_bytes, shared_bytes, info, kinds, workers = (
        reply
    )
    return Overview(
        queued=queued,
        parked=parked,
        running=running,
        queued_by_kind={kind.decode(): number for kind, number in zip(kinds[::2], kinds[1::2], strict=True)},
        oldest_age_s=_seconds(age_ms),
        oldest_parked_age_s=_seconds(parked_age_ms),
        service_rate=float(rate) or None,
        image_bytes=image_bytes,
        shared_bytes=shared_bytes,
        redis_used_bytes=_info_bytes(info, b"used_memory"),
        redis_max_bytes=_info_bytes(info, b"maxmemory") or None,
        workers=tuple(orjson.loads(announcement) for announcement in workers),
    )


def _seconds(age_ms: int) -> float | None:
    return None if age_ms < 0 else age_ms / 1000


def _info_bytes(info: bytes, name: bytes) -> int | None:
    found = re.search(rb"^%s:(\d+)" % name, info, re.MULTILINE)
    return None if found is None else int(found[1])
