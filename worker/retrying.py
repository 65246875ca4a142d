"""Trying again what may pass, with jitter, inside the job's deadline."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from common.errors import CoverSearchError

T = TypeVar("T")

#: First wait and longest wait between two tries, in seconds; each is drawn between zero and its bound.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0


def retry_passing(call: Callable[[], T], *, within_s: float) -> T:
    """Call until it succeeds, fails for good, or the time is up; then its last error is raised."""
    tries = Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, CoverSearchError) and e.retryable),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
        stop=stop_after_delay(max(0.0, within_s)),
        reraise=True,
    )
    return tries(call)
