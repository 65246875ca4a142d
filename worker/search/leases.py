"""Holds the leases of this worker's runs, and renews them in a thread.

The thread renews every lease, marks the runs that were canceled or that other processes ended, announces the
worker, and runs the sweeper when it is due. The thread is independent of the model, so leases are renewed
even while the model is stalled, until the watchdog ends the process.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.errors import QueueUnavailable
from common.ledger.records import Claim
from common.ledger.scripts import SWEEP_EVERY_MS
from common.ledger.worker import WorkerLedger
from worker.search.throughput import RunRate

log = logging.getLogger(__name__)

#: The minimum number of times a lease is renewed within one lease duration.
_RENEWALS_PER_LEASE = 4


class RunCanceled(Exception):
    """The run was canceled, was ended by another process, or is leased to another worker."""


class Lease:
    """A lease of one run."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._lost = threading.Event()

    def lose(self) -> None:
        self._lost.set()

    def check(self) -> None:
        """Raise `RunCanceled` if this worker has lost the lease of the run."""
        if self._lost.is_set():
            raise RunCanceled(self.claim.run_id)


class Leases:
    """All leases of one worker process; thread-safe."""

    def __init__(
        self, ledger: WorkerLedger, *, lease_s: float, announcement: Callable[[], dict[str, object]]
    ) -> None:
        self._ledger = ledger
        self._lease_s = lease_s
        self._announcement = announcement
        #: The rate at which this worker ends runs; the worker announces the rate with each renewal.
        self.rate = RunRate()
        # Leases are not indexed by run id, because this worker can hold two leases of one run if Redis
        # freezes for longer than a lease; the end of the first attempt must not remove the second attempt's
        # lease.
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew_periodically, name="leases", daemon=True)

    def start(self) -> None:
        """Announce the worker at once, then start the renewing thread.

        Raises:
            QueueUnavailable: the first announcement did not reach Redis.
        """
        self._renew()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; the announcement and any remaining leases expire."""
        self._stop.set()
        self._thread.join(timeout=self._lease_s)

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[Lease]:
        """Renew the run's lease while the `with` block runs."""
        lease = Lease(claim)
        with self._lock:
            self._held.add(lease)
        try:
            yield lease
        finally:
            with self._lock:
                self._held.discard(lease)

    def held(self) -> list[Lease]:
        """Return the current leases."""
        with self._lock:
            return list(self._held)

    def _renew_periodically(self) -> None:
        every_s = min(SWEEP_EVERY_MS / 1000, self._lease_s / _RENEWALS_PER_LEASE)
        reachable = True
        while not self._stop.wait(every_s):
            try:
                self._renew()
                self._sweep()
            except QueueUnavailable as error:
                if reachable:
                    log.warning("the ledger does not answer; trying again", extra={"error": error.detail})
                reachable = False
            else:
                if not reachable:
                    log.info("the ledger answers again")
                reachable = True

    def _renew(self) -> None:
        held = self.held()
        run_ids = list({lease.claim.run_id for lease in held})
        figures = {"running": len(run_ids), "runs_per_s": self.rate.per_s()}
        announcement = {**self._announcement(), **figures}
        lost = self._ledger.renew(announcement, ttl_s=self._lease_s, run_ids=run_ids)
        for lease in held:
            if lease.claim.run_id in lost:
                lease.lose()

    def _sweep(self) -> None:
        done = self._ledger.sweep()
        if done and (done.ended or done.given_back or done.sent_again):
            log.info(
                "swept the ledger",
                extra={"ended": done.ended, "given_back": done.given_back, "sent_again": done.sent_again},
            )
