"""Repeats calls that fail with a transient error, after random waits, within the job's deadline."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_random_exponential

from common.errors import CoverSearchError

T = TypeVar("T")

#: The maximum wait after the first attempt, in seconds; the maximum then doubles with each attempt, up to the
#: second value. The actual wait is a random time between 0 and the maximum.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0


def retry_transient(
    call: Callable[[], T],
    *,
    within_s: float,
    try_s: float = 0.0,
    on_failure: Callable[[BaseException], None] | None = None,
) -> T:
    """Repeat a call until it succeeds; raise its error if the error is permanent or the time is up.

    No attempt starts in the last `try_s` seconds before the deadline; an attempt takes at most `try_s`.
    `on_failure` is called for each failure that is followed by another attempt.
    """

    def report_failure(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if on_failure is not None and error is not None:
            on_failure(error)

    tries = Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, CoverSearchError) and e.retryable),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
        stop=stop_before_delay(max(0.0, within_s - try_s)),
        before_sleep=report_failure,
        reraise=True,
    )
    return tries(call)
