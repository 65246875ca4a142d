"""Trying again what may pass, with jitter, inside the job's deadline."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_random_exponential

from common.errors import CoverSearchError

T = TypeVar("T")

#: First wait and longest wait between two tries, in seconds; each is drawn between zero and its bound.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0


def retry_transient(
    call: Callable[[], T],
    *,
    within_s: float,
    try_s: float = 0.0,
    on_failure: Callable[[BaseException], None] | None = None,
) -> T:
    """Call until it succeeds, fails for good, or the time is up; then its last error is raised.

    No further try is begun that, taking `try_s`, could not end in time. `on_failure` hears of each
    failure that is followed by another try.
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if on_failure is not None and error is not None:
            on_failure(error)

    tries = Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, CoverSearchError) and e.retryable),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
        stop=stop_before_delay(max(0.0, within_s - try_s)),
        before_sleep=tell,
        reraise=True,
    )
    return tries(call)
