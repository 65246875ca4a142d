"""Records by how much each client's images exceeded their estimated decoding time in the last minute."""

import threading
import time
from dataclasses import dataclass

#: The number of seconds for which a recorded excess is kept, the same as in
#: `common/ledger/lua/record_decode_overrun.lua`.
REMEMBERED_S = 60.0
#: The minimum excess in seconds that is recorded. A smaller excess is normal, because the estimate leaves out
#: the conversion of a screen's or phone's colour profile, which takes 0.01 s.
EXCESS_MIN_S = 0.02
_CLIENTS_MAX = 1000


@dataclass(frozen=True, slots=True)
class _Overrun:
    excess_s: float
    until: float


class Overruns:
    """Each client's largest excess over the estimate in the last minute; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, _Overrun] = {}

    def excess_s(self, client: str) -> float:
        """Return the seconds by which a client's next image is expected to exceed its estimate."""
        with self._lock:
            known = self._clients.get(client)
            return known.excess_s if known is not None and known.until > time.monotonic() else 0.0

    def add(self, client: str, excess_s: float) -> bool:
        """Record an excess; return False if it is below EXCESS_MIN_S or half of the client's largest."""
        now = time.monotonic()
        with self._lock:
            self._clients = {name: known for name, known in self._clients.items() if known.until > now}
            known = self._clients.get(client)
            known_s = 0.0 if known is None else known.excess_s
            if excess_s < max(EXCESS_MIN_S, known_s / 2):
                return False
            if known is not None or len(self._clients) < _CLIENTS_MAX:
                self._clients[client] = _Overrun(max(excess_s, known_s), now + REMEMBERED_S)
            return True
