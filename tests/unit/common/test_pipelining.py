"""Whatever becomes of a batch of commands, each of its callers is told."""

import asyncio
import logging

import pytest

from common.pipelining import PipelinedRedis


class Unrepeatable(Exception):
    def __init__(self, one: str, *, two: str) -> None:
        super().__init__(one)
        self.two = two


class Breaking:
    """In the place of a client: its batches end with an error of their own."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def pipeline(self, **_options: bool) -> "Breaking":
        return self

    def execute_command(self, *command: object) -> None:
        """Keep it."""

    async def execute(self, **_options: bool) -> None:
        raise self._error


SURROGATE = UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")


@pytest.mark.parametrize("error", [SURROGATE, Unrepeatable("1", two="2")])
async def test_an_error_that_nobody_expected_is_told_to_every_caller_and_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    redis = PipelinedRedis(Breaking(error))  # type: ignore[arg-type]

    with caplog.at_level(logging.ERROR):
        async with asyncio.timeout(10):
            replies = await asyncio.gather(
                *(redis.execute("GET", n) for n in range(5)), return_exceptions=True
            )

    assert [type(reply) for reply in replies] == [type(error)] * 5
    assert "could not be sent" in caplog.text
