"""A pool of PostgreSQL connections in which every wait has a timeout.

psycopg's own pool connects in the background: if the server refuses, the caller only sees a timeout, without
the reason. In this module's pool, the caller itself connects, and gets the server's error at once.

No setting, prepared statement or lock is used after its transaction ends, because a pooler in transaction
mode (PgBouncer, Supavisor) can run each transaction in another session. Poolers in transaction mode also
refuse the start-up parameter `options`.
"""

import math
import select
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import orjson
import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Dumper, PyFormat, Transformer
from psycopg.conninfo import conninfo_to_dict
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import DictRow, TupleRow, dict_row
from psycopg.types.json import set_json_loads

from common.catalog.errors import connection_error, misconfigured
from common.errors import CatalogUnavailable

T = TypeVar("T")
C = TypeVar("C", bound=psycopg.Connection[Any])

#: Connection timeout of the operators' tools, in seconds.
TOOL_CONNECT_S = 10.0
#: A statement and its parameters, for `PGconn.send_query_params`.
Command: TypeAlias = tuple[Any, ...]
# SET LOCAL would cause a warning, because no BEGIN statement starts the transaction of a call.
_BOUND = b"SELECT set_config('statement_timeout', $1, true)"


class BinaryVector(bytes):
    """A vector in pgvector's binary form; the server infers its type from the function's parameter."""


class _BinaryVectorDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryVector) -> bytes:
        return obj


class BoundedConnection(psycopg.Connection[DictRow]):
    """A connection that is closed if the server does not answer within `timeout_s`.

    `statement_timeout` alone is not enough: a frozen or unreachable server does not enforce it.
    """

    timeout_s: float = math.inf
    #: Whether the last error was that the server did not answer in time.
    timed_out = False

    def call(self, query: bytes, values: Sequence[object]) -> list[DictRow]:
        """Run a query with the parameters $1, $2, … in a transaction of its own, and return its rows.

        The `statement_timeout` is sent with each query, which costs 0.02 ms, because a pooler does not
        preserve session settings.
        """
        adapted = Transformer(self)
        parameters = adapted.dump_sequence(values, [PyFormat.AUTO] * len(values))
        result = self._run((_BOUND, [self._bound]), (query, parameters, adapted.types, adapted.formats))
        adapted.set_pgresult(result)
        names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
        return adapted.load_rows(0, result.ntuples, lambda row: dict(zip(names, row, strict=True)))

    def bound_transaction(self) -> None:
        """Make the server cancel each later statement of this transaction after `timeout_s`."""
        psycopg.RawCursor(self).execute(_BOUND, [self._bound.decode()])

    @property
    def _bound(self) -> bytes:
        return b"%d" % math.ceil(self.timeout_s * 1000)

    def _run(self, *commands: Command) -> PGresult:
        """Run the commands in one transaction, and return the result of the last command."""
        try:
            results = self.wait(_in_one_write(self.pgconn, commands))
        except BaseException:
            # Replies to the commands may still arrive, so the connection cannot be used again.
            self.pgconn.finish()
            raise
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result, encoding=self.info.encoding)
        return results[-1]

    def wait(self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None) -> T:
        bound = min(self.timeout_s, math.inf if timeout is None else timeout)
        began = time.monotonic()
        try:
            return super().wait(gen, interval, None if bound == math.inf else bound)
        except psycopg.OperationalError as error:
            # An error with a code was reported by the server, and leaves the connection usable.
            if (
                error.sqlstate is None
                and self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE
            ):
                self.timed_out = time.monotonic() - began >= bound
                self.pgconn.finish()
            raise

    @property
    def usable(self) -> bool:
        """Whether an idle connection is still open.

        A server sends data on an idle connection only if it closes the connection.
        """
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return not poll.poll(0)


def _in_one_write(pgconn: PGconn, commands: Sequence[Command]) -> PQGen[list[PGresult]]:
    """Send the commands as one transaction in one write, and return their results.

    `Connection.pipeline` sends each command in a write of its own, which takes 0.1 ms longer.
    """
    pgconn.enter_pipeline_mode()
    for command in commands:
        pgconn.send_query_params(*command)
    pgconn.pipeline_sync()
    yield from send(pgconn)
    results = []
    for _ in commands:
        results += yield from fetch_many(pgconn)
    # The reply to `pipeline_sync`.
    yield from fetch_many(pgconn)
    pgconn.exit_pipeline_mode()
    return results


class Connections:
    """A pool of at most `size` connections to one database; a caller opens a connection if none is idle."""

    def __init__(self, url: str, *, size: int, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._idle: deque[BoundedConnection] = deque()
        self._slots = threading.BoundedSemaphore(size)
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[BoundedConnection]:
        """Lend a connection for one call.

        Raises:
            CatalogUnavailable: no connection is free, or none can be opened now.
            CatalogMisconfigured: the URL, the user, the password or the database is wrong.
        """
        if not self._slots.acquire(timeout=self._timeout_s):
            raise CatalogUnavailable(f"all connections to the catalog were busy for {self._timeout_s:g} s")
        try:
            connection = self._take() or self._connect()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close the idle connections now, and each connection in use when it is returned."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> BoundedConnection | None:
        # The most recently used connection is taken first, so that surplus connections stay idle.
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.usable:
                return connection
            connection.close()

    def _give_back(self, connection: BoundedConnection) -> None:
        if self._closed:
            connection.close()
        elif not connection.closed:
            self._idle.append(connection)

    def _connect(self) -> BoundedConnection:
        connection = _connect(self._url, BoundedConnection, timeout_s=self._timeout_s)
        connection.row_factory = dict_row
        connection.timeout_s = self._timeout_s
        connection.adapters.register_dumper(BinaryVector, _BinaryVectorDumper)
        set_json_loads(orjson.loads, connection)
        return connection


def open_connection(url: str, *, autocommit: bool = False) -> psycopg.Connection[TupleRow]:
    """Return a connection without a statement timeout, for a tool that runs its own SQL.

    Raises:
        CatalogUnavailable: no connection can be opened now.
        CatalogMisconfigured: the URL, the user, the password or the database is wrong.
    """
    connection: psycopg.Connection[TupleRow] = _connect(url, psycopg.Connection, timeout_s=TOOL_CONNECT_S)
    connection.autocommit = autocommit
    return connection


def _connect(url: str, kind: type[C], *, timeout_s: float) -> C:
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        # psycopg's error is hidden because its message contains the URL and therefore the password.
        raise misconfigured("bad_url") from None
    # libpq tries the hosts of a URL one after the other, each for up to `connect_timeout`.
    hosts = str(parameters.get("host", "")).count(",") + 1
    ours = {
        "connect_timeout": max(1, math.ceil(timeout_s / hosts)),
        "application_name": parameters.get("application_name") or "cover-search",
    }
    started = time.monotonic()
    try:
        return kind.connect(
            **{**parameters, **ours},
            autocommit=True,
            # Statements are not prepared: preparing saves 0.04 ms per call, but a prepared statement fails
            # once after a migration replaces its function, and does not work behind a pooler.
            prepare_threshold=None,
        )
    except psycopg.OperationalError as error:
        raise connection_error(error, waited_s=time.monotonic() - started) from error
