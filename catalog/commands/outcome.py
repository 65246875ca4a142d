"""How a command ended, as its exit status says it."""

from enum import IntEnum


class Outcome(IntEnum):
    """`grep` and `diff` tell these three apart in the same way."""

    #: All is done, or all is well.
    DONE = 0
    #: It ran to its end, and there is something to look at: rows left out, a check that failed.
    FINDINGS = 1
    #: It could not be done.
    FAILED = 2
