"""The Lua scripts of the ledger, each whole: key names, the shared part, its own text."""

from functools import cache
from importlib.resources import files

from common.redis import keyspace


@cache
def script_text(name: str) -> str:
    """Return the text of one script as Redis runs it."""
    here = files("common.ledger")
    shared = here.joinpath("shared.lua").read_text()
    return keyspace.lua_table() + shared + here.joinpath(f"{name}.lua").read_text()
