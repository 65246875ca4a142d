"""Read the plans that PostgreSQL chose inside `search_albums` from its log messages.

The setting `debug_print_plan` makes the server send the node tree of every plan, including the plans inside a
function. `auto_explain` is not used, because some builds of PostgreSQL lack this extension.
"""

import re

import psycopg
from psycopg import sql

_SCANS = {
    "SEQSCAN": "Seq Scan",
    "INDEXSCAN": "Index Scan",
    "INDEXONLYSCAN": "Index Only Scan",
    "BITMAPINDEXSCAN": "Bitmap Index Scan",
}
_SCAN = re.compile(rf"\{{({'|'.join(_SCANS)}) ")
_INDEX = re.compile(r":indexid (\d+)")


class PlanReader:
    """Calls a search and returns its plan; the connection must be in autocommit mode."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._trees: list[str] = []
        found = connection.execute("SELECT oid, relname FROM pg_class WHERE relkind = 'i'").fetchall()
        self._indexes = {str(oid): str(name) for oid, name in found}
        connection.add_notice_handler(self._hear)
        connection.execute("SET client_min_messages = log")
        connection.execute("SET debug_pretty_print = off")

    def plan(self, call: sql.Composed, values: dict[str, object]) -> str:
        """Call a search; return the scans in its plans, such as an exact scan or an index scan."""
        self._trees.clear()
        # The server prints a plan when it makes it, and keeps the plans of searches in small catalogs.
        self._connection.execute("DISCARD PLANS")
        self._connection.execute("SET debug_print_plan = on")
        try:
            self._connection.execute(call, values)
        finally:
            self._connection.execute("SET debug_print_plan = off")
        # LIMIT occurs only in the search statements, not in the statements that estimate a number of rows.
        searching = [tree for tree in self._trees if "{LIMIT " in tree]
        # A statement that only selects a page of a ranking scans no table.
        return ", then ".join(scans for tree in searching if (scans := self._scans(tree)))

    def _hear(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.message_primary == "plan:":
            # The server may break the text into lines at any space.
            self._trees.append(" ".join((diagnostic.message_detail or "").split()))

    def _scans(self, tree: str) -> str:
        scans = []
        for found in _SCAN.finditer(tree):
            index = _INDEX.search(tree, found.end())
            by_index = found[1] != "SEQSCAN" and index is not None
            scans.append(_SCANS[found[1]] + (f" {self._indexes[index[1]]}" if by_index and index else ""))
        return " + ".join(scans)
