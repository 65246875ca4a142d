"""What request bodies hold of a process's memory: counted as they come, until the ledger has them."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import QueueFull

#: An upload takes a client seconds.
RETRY_AFTER_S = 2


class Body:
    """One request's body, and the images that were in it; what it holds ends with `release`."""

    def __init__(self, receiving: "BodyBudget") -> None:
        self._receiving = receiving
        self._held_bytes = 0
        #: What has come. Nobody else keeps it: an error that is being answered holds the frames it left.
        self.buffer = bytearray()
        #: Uploaded bytes by SHA-256.
        self.images: tuple[tuple[str, bytes], ...] = ()
        #: Seconds of CPU that decoding them takes, as estimated.
        self.decode_cost_s = 0.0

    def expect(self, size_bytes: int) -> None:
        """Refuse early what would not fit; what a client declares is not counted.

        Raises:
            QueueFull
        """
        self._receiving.check(size_bytes)

    def hold(self, size_bytes: int) -> None:
        """Count bytes that have come.

        Raises:
            QueueFull: with them the process would hold more than it may.
        """
        self._receiving.take(size_bytes)
        self._held_bytes += size_bytes

    def release(self) -> None:
        """Let go of all bytes, and count none any more."""
        self.buffer.clear()
        self.images = ()
        self._receiving.give_back(self._held_bytes)
        self._held_bytes = 0


class BodyBudget:
    """The budget of a process."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held_bytes = 0

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Give a body that is released at the latest when its request has been answered."""
        body = Body(self)
        try:
            yield body
        finally:
            body.release()

    def take(self, size_bytes: int) -> None:
        """Count bytes.

        Raises:
            QueueFull: there is no room for them.
        """
        self.check(size_bytes)
        self.held_bytes += size_bytes

    def check(self, size_bytes: int) -> None:
        """See that there is room for so many bytes.

        Raises:
            QueueFull: there is none.
        """
        if self.held_bytes + size_bytes > self._max_bytes:
            raise QueueFull("too many uploads are being received", retry_after_s=RETRY_AFTER_S)

    def give_back(self, size_bytes: int) -> None:
        """Count bytes no more."""
        self.held_bytes -= size_bytes
