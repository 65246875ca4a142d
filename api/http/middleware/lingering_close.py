"""Lingering close, as in nginx, for requests that are answered before their body was read.

Closing the connection at once would reset it while the client is still sending, and the client would lose the
answer. The server therefore sends the answer, reads and discards further body bytes for a short time, and
then closes the connection.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_S = 2.0
LINGER_BYTES = 16 * 1024 * 1024


class LingeringClose:
    """Middleware that delays closing a connection if a request is answered before its body was read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)


class _Exchange:
    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body_is_read = False
        self._lingers = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._body_is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._body_is_read:
            self._lingers = True
            message["headers"].append((b"connection", b"close"))
        if not self._lingers or message["type"] != "http.response.body" or message.get("more_body", False):
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._drop_body()
        await self._send({"type": "http.response.body", "body": b""})

    async def _drop_body(self) -> None:
        dropped = 0
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._body_is_read and dropped < LINGER_BYTES:
                    dropped += len((await self.receive()).get("body", b""))
        except TimeoutError:
            return


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
