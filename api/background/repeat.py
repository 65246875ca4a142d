"""Steps that the gateway repeats as long as it lives, through every outage of what it depends on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from common.errors import CoverSearchError

log = logging.getLogger(__name__)


async def repeat(
    step: Callable[[], Awaitable[object]], *, every_s: float, name: str, soon: asyncio.Event | None = None
) -> None:
    """Take a step, pause, take the next; `soon` cuts a pause short.

    An outage is told when it begins and when it ends.
    """
    failing = False
    while True:
        if soon is not None:
            soon.clear()
        try:
            await step()
        except (CoverSearchError, RedisError, OSError) as error:
            if not failing:
                log.warning("a background step cannot be done", extra={"step": name, "error": str(error)})
            failing = True
        except Exception:
            # The boundary of a task that nobody awaits: it must neither die nor be silent.
            log.exception("a background step failed", extra={"step": name})
        else:
            if failing:
                log.info("a background step is done again", extra={"step": name})
            failing = False
        await _pause(every_s, soon)


async def _pause(every_s: float, soon: asyncio.Event | None) -> None:
    if soon is None:
        await asyncio.sleep(every_s)
        return
    try:
        async with asyncio.timeout(every_s):
            await soon.wait()
    except TimeoutError:
        return
