"""Limits the memory for the request bodies that a process holds until the ledger has stored them."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import QueueFull

#: The seconds after which a client may repeat a refused upload, about as long as an upload takes.
RETRY_AFTER_S = 2


class Body:
    """The buffered body and the images of one request; `release` frees both."""

    def __init__(self, budget: "BodyBudget") -> None:
        self._budget = budget
        self._held_bytes = 0
        #: The received bytes. No local variable refers to the bytes, because an exception's traceback would
        #: keep the variable alive until the error is answered.
        self.buffer = bytearray()
        #: The uploaded images as pairs of SHA-256 and bytes.
        self.images: tuple[tuple[str, bytes], ...] = ()
        #: The estimated CPU seconds for decoding the images.
        self.decode_cost_s = 0.0

    def expect(self, size_bytes: int) -> None:
        """Refuse a body before reading it if its declared size exceeds the budget's remaining bytes.

        Raises:
            QueueFull
        """
        self._budget.check(size_bytes)

    def hold(self, size_bytes: int) -> None:
        """Count received bytes.

        Raises:
            QueueFull: the process would hold more than its budget.
        """
        self._budget.take(size_bytes)
        self._held_bytes += size_bytes

    def release(self) -> None:
        """Free all held bytes, and return them to the memory budget."""
        self.buffer.clear()
        self.images = ()
        self._budget.give_back(self._held_bytes)
        self._held_bytes = 0


class BodyBudget:
    """The memory budget of one gateway process."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held_bytes = 0

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Yield a body, and release it when its request has been answered."""
        body = Body(self)
        try:
            yield body
        finally:
            body.release()

    def take(self, size_bytes: int) -> None:
        """Take bytes from the budget.

        Raises:
            QueueFull: the budget is exhausted.
        """
        self.check(size_bytes)
        self.held_bytes += size_bytes

    def check(self, size_bytes: int) -> None:
        """Check that the budget has room for additional bytes.

        Raises:
            QueueFull: the budget is exhausted.
        """
        if self.held_bytes + size_bytes > self._max_bytes:
            raise QueueFull("too many uploads are being received", retry_after_s=RETRY_AFTER_S)

    def give_back(self, size_bytes: int) -> None:
        """Return bytes to the budget."""
        self.held_bytes -= size_bytes
