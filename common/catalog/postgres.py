"""The catalog in PostgreSQL, accessed with psycopg; the Supabase catalog calls the same SQL functions."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, LiteralString

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from common.catalog.errors import error_from_code
from common.catalog.postgres_connections import BinaryVector, Connections
from common.catalog.row_mapping import Row, vector_bytes
from common.catalog.sql_functions import FunctionCatalog
from common.errors import CatalogTimeout, CatalogUnavailable


class PostgresCatalog(FunctionCatalog):
    """A catalog in the PostgreSQL database with the given URL."""

    def __init__(self, database_url: str, *, timeout_s: float, connections: int) -> None:
        self._timeout_s = timeout_s
        self._connections = Connections(database_url, size=connections, timeout_s=timeout_s)

    def close(self) -> None:
        self._connections.close()

    def _vector(self, embedding: npt.NDArray[np.float32]) -> BinaryVector:
        # A small search is one seventh faster if the vector is sent in binary form instead of text form.
        return BinaryVector(vector_bytes(embedding))

    def _call_for_rows(self, function: str, arguments: Mapping[str, object]) -> list[Row]:
        return list(self._call("SELECT * FROM {call}", function, arguments))

    def _call_for_document(self, function: str, arguments: Mapping[str, object]) -> Any:
        (row,) = self._call("SELECT {call} AS value", function, arguments)
        return row["value"]

    def _call(
        self, query: LiteralString, function: str, arguments: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        values = [_parameter(value) for value in arguments.values()]
        with self._connections.lend() as connection:
            try:
                return connection.call(_statement(query, function, tuple(arguments)), values)
            except psycopg.Error as error:
                raise self._fault(error, timed_out=connection.timed_out) from error

    def _fault(self, error: psycopg.Error, *, timed_out: bool) -> Exception:
        if error.sqlstate is not None:
            return error_from_code(error.sqlstate, error.diag.message_primary or type(error).__name__)
        kind = CatalogTimeout if timed_out else CatalogUnavailable
        return kind(f"the catalog's database did not answer within {self._timeout_s:g} s or hung up: {error}")


# Statements are cached because building one takes 0.09 ms and there are few different statements.
@lru_cache(maxsize=256)
def _statement(query: LiteralString, function: str, names: tuple[str, ...]) -> bytes:
    named = (sql.SQL("{} => ${}").format(sql.Identifier(name), n) for n, name in enumerate(names, start=1))
    call = sql.SQL("{}({})").format(sql.Identifier(function), sql.SQL(", ").join(named))
    return sql.SQL(query).format(call=call).as_bytes(None)


def _parameter(value: object) -> object:
    if isinstance(value, dict):
        return Jsonb(value)
    # A float is sent as an untyped string, which PostgreSQL converts to the parameter's type, such as
    # `numeric`.
    return str(value) if isinstance(value, float) else value
