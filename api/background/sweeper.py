"""The ledger sweeper, which once a second re-sends overdue jobs and ends jobs past their deadline."""

import logging

from common.ledger.gateway import GatewayLedger

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 1.0


class Sweeper:
    """Sweeps the ledger, which lets only one process sweep at a time."""

    def __init__(self, ledger: GatewayLedger) -> None:
        self._ledger = ledger

    async def sweep(self) -> None:
        """Sweep once, and log how many runs were ended, returned to the queue or sent again."""
        sweep = await self._ledger.sweep()
        if sweep is not None and (sweep.ended or sweep.given_back or sweep.sent_again):
            log.warning(
                "swept",
                extra={
                    "ended": sweep.ended,
                    "given_back": sweep.given_back,
                    "sent_again": sweep.sent_again,
                },
            )
