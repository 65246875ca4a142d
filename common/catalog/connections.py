"""PostgreSQL connections that are lent out, kept, and never waited for longer than agreed.

A pool of our own, because psycopg's connects in the background: a server that refuses is then found
out only when the whole timeout is over, and the reason is gone. Here the caller connects, and has the
refusal, with its reason, at once.
"""

import math
import select
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg.adapt import Dumper
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads

from common.catalog.faults import misconfigured
from common.errors import CatalogError, CatalogUnavailable

T = TypeVar("T")


class BinaryVector(bytes):
    """A value in pgvector's binary form, whose type the server infers from where it stands."""


class _BinaryVectorDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryVector) -> bytes:
        return obj


class BoundedConnection(psycopg.Connection[DictRow]):
    """A connection whose every wait ends after `timeout_s`; one that was not answered is closed.

    The server's own `statement_timeout` cannot end the wait for a server that is frozen or behind a
    dead link.
    """

    timeout_s: float = math.inf

    def wait(self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None) -> T:
        bound = min(self.timeout_s, math.inf if timeout is None else timeout)
        try:
            return super().wait(gen, interval, None if bound == math.inf else bound)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise

    @property
    def usable(self) -> bool:
        """Whether nothing arrived while it lay idle; what arrives then is the server's good-bye."""
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return not poll.poll(0)


class Connections:
    """At most `size` connections to one database, made by whoever needs one more."""

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
            CatalogUnavailable: none is free, or none can be made now.
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
        """Close what lies idle now and what comes back later."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> BoundedConnection | None:
        # The youngest first, so that the number in use follows the load.
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
        try:
            parameters = conninfo_to_dict(self._url)
        except psycopg.ProgrammingError:
            # The cause repeats the URL, and the URL holds the password.
            raise misconfigured("bad_url") from None
        started = time.monotonic()
        try:
            connection = BoundedConnection.connect(
                **{**parameters, **self._session(parameters)},
                autocommit=True,
                # Prepared statements save 0.04 ms a call, fail once after each migration that replaces
                # a function, and do not work behind a pooler.
                prepare_threshold=None,
                row_factory=dict_row,
            )
        except psycopg.OperationalError as error:
            raise _connection_fault(error, waited_s=time.monotonic() - started) from error
        connection.timeout_s = self._timeout_s
        connection.adapters.register_dumper(BinaryVector, _BinaryVectorDumper)
        set_json_loads(orjson.loads, connection)
        return connection

    def _session(self, parameters: dict[str, Any]) -> dict[str, Any]:
        statement_timeout = f"-c statement_timeout={math.ceil(self._timeout_s * 1000)}"
        return {
            "connect_timeout": max(1, math.ceil(self._timeout_s)),
            "options": f"{statement_timeout} {parameters.get('options') or ''}".strip(),
            "application_name": parameters.get("application_name") or "cover-search",
        }


def _connection_fault(error: psycopg.OperationalError, *, waited_s: float) -> CatalogError:
    # libpq has no SQLSTATE for a connection that was never made; its words are all there is.
    words = str(error)
    if "authentication failed" in words or "no password supplied" in words:
        return misconfigured("bad_key")
    if 'role "' in words and "does not exist" in words:
        return misconfigured("bad_key")
    if 'database "' in words and "does not exist" in words:
        return misconfigured("wrong_database")
    reason = " ".join(words.split())
    return CatalogUnavailable(f"the catalog's database cannot be reached after {waited_s:.1f} s: {reason}")
