"""The Lua scripts of the ledger, and the intervals at which they are run."""

from functools import cache
from importlib.resources import files

from common.redis import keyspace

#: Time between two runs of the sweeper, over all processes.
SWEEP_EVERY_MS = 1000
#: A queued run has lost its message if the message was sent longer ago than this and is not in the list.
RESEND_AFTER_MS = 3000

#: Lua code that is put before every script; each part uses the parts before it.
_SHARED = ("clock_and_events", "service_rate", "jobs", "decoder_turns", "admission_rules", "runs")


@cache
def script_text(name: str) -> str:
    """Return the whole text of a script: the names of Redis keys, the shared parts, and its own code."""
    folder = files("common.ledger") / "lua"
    shared = (folder / "shared" / f"{part}.lua" for part in _SHARED)
    return keyspace.lua_table() + "".join(part.read_text() for part in (*shared, folder / f"{name}.lua"))
