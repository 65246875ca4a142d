"""The gateway's turn at the ledger's sweeper: what is overdue is sent again, what is too late ends."""

import logging

from common.ledger.gateway import GatewayLedger

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 1.0


class Sweeper:
    """One step of sweeping; of all processes one at a time gets the turn."""

    def __init__(self, ledger: GatewayLedger) -> None:
        self._ledger = ledger

    async def sweep(self) -> None:
        """Sweep once, and say what there was to sweep."""
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
