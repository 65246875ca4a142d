"""The Lua scripts of the ledger, and the intervals at which they are run."""

from functools import cache
from importlib.resources import files

from common.redis import keyspace

#: Time between two runs of the sweeper; one process at a time runs it.
SWEEP_EVERY_MS = 1000
#: A queued run whose message was sent longer ago than this and is not in the list has lost it.
RESEND_AFTER_MS = 3000


@cache
def script_text(name: str) -> str:
    """Return the whole text of a script: the names of Redis keys, `shared.lua`, and its own text."""
    here = files("common.ledger")
    shared = here.joinpath("shared.lua").read_text()
    return keyspace.lua_table() + shared + here.joinpath(f"{name}.lua").read_text()
