"""Keeps a terminal's Ctrl-C from the child processes that their parent ends itself."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def children_never_interrupted() -> Iterator[None]:
    """Block SIGINT for the processes that this thread starts inside, from their first instruction on.

    A terminal sends SIGINT to its whole process group. A child that ignored it only once it runs
    would still end with a traceback while Python starts and imports. This process is interrupted as
    ever: in another of its threads, or once the block ends.
    """
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
