"""Reports this gateway's counts to Redis once a second, in a background task."""

import os
import secrets
import socket
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from api.metrics.recorder import RequestRecorder
from api.metrics.store import SLOT_MS, SLOTS, Batch, MetricsStore
from common.version import VERSION

REPORT_EVERY_S = 1.0
#: The seconds after which unsent counts are dropped, because they are older than the figures' five minutes.
DROP_AFTER_S = SLOTS * SLOT_MS / 1000
#: The maximum number of batches in one call of the script.
BATCHES_PER_CALL = 30


@dataclass(frozen=True, slots=True)
class _Unconfirmed:
    """Counts of about a second that Redis has not confirmed."""

    sequence: int
    #: The middle of the second, by the monotonic clock.
    middle_s: float
    counts: dict[str, int]


class MetricsReporter:
    """Takes the counts of a recorder, and keeps the counts until Redis has confirmed them."""

    def __init__(self, recorder: RequestRecorder, store: MetricsStore) -> None:
        self._recorder = recorder
        self._store = store
        self._unconfirmed: deque[_Unconfirmed] = deque()
        self._sequence = 0
        self._taken_at_s = time.monotonic()
        self.gateway_id = secrets.token_hex(8)
        self._announcement = {
            "id": self.gateway_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": VERSION,
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    async def report(self) -> None:
        """Send all counts that Redis has not confirmed.

        Raises:
            QueueUnavailable: Redis did not answer; the next report sends the counts again.
        """
        self._take()
        while True:
            sent = list(self._unconfirmed)[:BATCHES_PER_CALL]
            now_s = time.monotonic()
            batches = [Batch(each.sequence, now_s - each.middle_s, each.counts) for each in sent]
            await self._store.add(batches, gateway_id=self.gateway_id, announcement=self._announcement)
            for _ in sent:
                self._unconfirmed.popleft()
            if not self._unconfirmed:
                return

    def _take(self) -> None:
        began_s, self._taken_at_s = self._taken_at_s, time.monotonic()
        if counts := self._recorder.take():
            self._sequence += 1
            middle_s = (began_s + self._taken_at_s) / 2
            self._unconfirmed.append(_Unconfirmed(self._sequence, middle_s, counts))
        while self._unconfirmed and self._taken_at_s - self._unconfirmed[0].middle_s > DROP_AFTER_S:
            self._unconfirmed.popleft()
