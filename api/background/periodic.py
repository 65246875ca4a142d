"""Periodic background tasks that continue through outages of Redis and the catalog."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from common.errors import CoverSearchError

log = logging.getLogger(__name__)


async def run_periodically(
    step: Callable[[], Awaitable[object]], *, every_s: float, name: str, wake: asyncio.Event | None = None
) -> None:
    """Run a step repeatedly with a pause after each run; setting `wake` ends a pause early.

    The beginning and the end of an outage are logged once each.
    """
    failing = False
    while True:
        if wake is not None:
            wake.clear()
        try:
            await step()
        except (CoverSearchError, RedisError, OSError) as error:
            if not failing:
                log.warning("a background task fails", extra={"step": name, "error": str(error)})
            failing = True
        except Exception:
            # Nothing awaits this task, so an unexpected error is logged here, and the task continues.
            log.exception("a background task failed unexpectedly", extra={"step": name})
        else:
            if failing:
                log.info("a background task works again", extra={"step": name})
            failing = False
        await _pause(every_s, wake)


async def _pause(every_s: float, wake: asyncio.Event | None) -> None:
    if wake is None:
        await asyncio.sleep(every_s)
        return
    try:
        async with asyncio.timeout(every_s):
            await wake.wait()
    except TimeoutError:
        return
