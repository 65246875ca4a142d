"""Each log record is one line of JSON, whatever its content."""

import logging

import orjson

from common.logs import FIELD_MAX_CHARS, JsonFormatter, job_id_var


def format_record(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "t", **extra})
    return JsonFormatter("worker").format(record)


def test_line_breaks_and_terminal_codes_are_escaped() -> None:
    line = format_record("a\r\nb", query="\x1b[31mred\n{}")

    assert line.isprintable()
    assert orjson.loads(line)["query"] == "\x1b[31mred\n{}"


def test_a_record_carries_its_job_id() -> None:
    token = job_id_var.set("ab12")
    try:
        line = format_record("answered")
    finally:
        job_id_var.reset(token)

    assert orjson.loads(line)["job_id"] == "ab12"


def test_a_long_field_is_truncated() -> None:
    line = format_record("x", header="y" * 100_000)

    assert len(orjson.loads(line)["header"]) == FIELD_MAX_CHARS


def test_a_long_traceback_keeps_its_start_and_end() -> None:
    error = ValueError("z" * 100_000 + " the end")

    line = format_record("x", exc_info=(ValueError, error, None))

    logged = orjson.loads(line)["exception"]
    assert logged.startswith("ValueError: zzz")
    assert logged.endswith("the end")
    assert len(line) < 10_000


def test_a_long_field_that_is_not_text_is_truncated() -> None:
    line = format_record("x", few={"a": 1}, many=["y" * 100] * 1000)

    assert orjson.loads(line)["few"] == {"a": 1}
    assert len(orjson.loads(line)["many"]) == FIELD_MAX_CHARS
