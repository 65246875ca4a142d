"""The Lua scripts of the ledger, and the intervals at which they are run."""

from functools import cache
from importlib.resources import files

from common.redis import keyspace

#: Time between two runs of the sweeper; one process at a time runs it.
SWEEP_EVERY_MS = 1000
#: A queued run whose message was sent longer ago than this and is not in the list has lost it.
RESEND_AFTER_MS = 3000

#: What scripts share; each part uses those before it.
_SHARED = ("basics", "service_rate", "jobs", "turns", "admission", "runs")


@cache
def script_text(name: str) -> str:
    """Return the whole text of a script: the names of Redis keys, what scripts share, and its own text."""
    folder = files("common.ledger") / "lua"
    shared = (folder / "shared" / f"{part}.lua" for part in _SHARED)
    return keyspace.lua_table() + "".join(part.read_text() for part in (*shared, folder / f"{name}.lua"))
