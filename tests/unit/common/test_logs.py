"""Log records: one line of JSON each, whatever is in them."""

import logging

import orjson

from common.logs import FIELD_MAX_CHARS, JsonFormatter, job_id_var


def format_record(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "t", **extra})
    return JsonFormatter("worker").format(record)


def test_line_breaks_and_terminal_codes_stay_inside_one_line() -> None:
    line = format_record("a\r\nb", query="\x1b[31mred\n{}")

    assert line.isprintable()
    assert orjson.loads(line)["query"] == "\x1b[31mred\n{}"


def test_a_record_carries_the_job_it_belongs_to() -> None:
    token = job_id_var.set("ab12")
    try:
        line = format_record("answered")
    finally:
        job_id_var.reset(token)

    assert orjson.loads(line)["job_id"] == "ab12"


def test_an_endless_field_is_cut() -> None:
    line = format_record("x", header="y" * 100_000)

    assert len(orjson.loads(line)["header"]) == FIELD_MAX_CHARS


def test_of_an_endless_traceback_start_and_end_are_told() -> None:
    error = ValueError("z" * 100_000 + " the end")

    line = format_record("x", exc_info=(ValueError, error, None))

    told = orjson.loads(line)["exception"]
    assert told.startswith("ValueError: zzz")
    assert told.endswith("the end")
    assert len(line) < 10_000


def test_what_is_no_text_is_cut_too() -> None:
    line = format_record("x", few={"a": 1}, many=["y" * 100] * 1000)

    assert orjson.loads(line)["few"] == {"a": 1}
    assert len(orjson.loads(line)["many"]) == FIELD_MAX_CHARS
