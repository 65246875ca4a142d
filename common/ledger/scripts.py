"""The Lua scripts of the ledger, and the intervals at which they are run."""

from functools import cache
from importlib.resources import files

from common.redis import keyspace

#: Minimum time in ms between two runs of the sweeper, counted over all processes.
SWEEP_EVERY_MS = 1000
#: A queued run's message counts as lost if it is missing from the queue's list this many ms after it was
#: sent.
RESEND_AFTER_MS = 3000

#: Names of the Lua files that precede every script; each file can use the files listed before it.
_SHARED = (
    "clock_and_events",
    "queues_of_query_versions",
    "service_rate",
    "jobs",
    "decoder_turns",
    "admission_rules",
    "end_and_resend_runs",
)


@cache
def script_text(name: str) -> str:
    """Return the text of a script: the shared Lua files and its own file, with the names of Redis keys."""
    folder = files("common.ledger") / "lua"
    shared = (folder / "shared" / f"{part}.lua" for part in _SHARED)
    versions = ", ".join(map(str, keyspace.QUERY_VERSIONS))
    text = f"local QUERY_VERSIONS = {{{versions}}}\n"
    text += "".join(part.read_text() for part in (*shared, folder / f"{name}.lua"))
    return keyspace.with_names(text)
