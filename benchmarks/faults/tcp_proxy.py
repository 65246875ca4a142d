"""A TCP proxy that can stop forwarding silently, or break a connection after forwarding a request."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class TcpProxy:
    """A proxy that forwards connections from a free port of 127.0.0.1 to another address."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        #: Close a connection after forwarding a request that contains these bytes, so that the reply is lost.
        self.hang_up_on: bytes | None = None
        #: The event that stops the forwarding of all connections opened since the last call of `go_silent`.
        self._silence = asyncio.Event()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def go_silent(self) -> None:
        """Stop forwarding on all open connections; connections opened later work."""
        self._silence.set()
        self._silence = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        silence = self._silence

        def passed_on(data: bytes) -> None:
            if self.hang_up_on is not None and self.hang_up_on in data:
                writer.transport.abort()

        pumps = (
            _pump(reader, upstream_writer, silence, passed_on=passed_on),
            _pump(upstream_reader, writer, silence, passed_on=lambda _: None),
        )
        for coroutine in pumps:
            pump = asyncio.create_task(coroutine)
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)


async def _pump(
    source: asyncio.StreamReader,
    sink: asyncio.StreamWriter,
    silence: asyncio.Event,
    *,
    passed_on: Callable[[bytes], None],
) -> None:
    try:
        with suppress(OSError):
            while data := await source.read(65536):
                if silence.is_set():
                    await asyncio.Event().wait()
                sink.write(data)
                await sink.drain()
                passed_on(data)
        if silence.is_set():
            await asyncio.Event().wait()
    finally:
        sink.close()
