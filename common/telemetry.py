"""Structured logs: one JSON object a line, with the request and the job it belongs to."""

import contextvars
import logging
import sys
from datetime import UTC, datetime

import orjson

request_id_var: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
job_id_var: contextvars.ContextVar[str | None] = contextvars.ContextVar("job_id", default=None)

#: Longest text of one field: a log line is no place for a client's ten-kilobyte header.
FIELD_MAX_CHARS = 2000

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Write a record as one line of JSON; line breaks and control characters cannot leave it."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage()[:FIELD_MAX_CHARS],
            "request_id": request_id_var.get(),
            "job_id": job_id_var.get(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = value[:FIELD_MAX_CHARS] if isinstance(value, str) else value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        shown = {name: value for name, value in line.items() if value is not None}
        return orjson.dumps(shown, default=str).decode()


def configure_logging(service: str, level: str) -> None:
    """Send every log record to standard error as JSON; called by entry points alone."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # These tell of every request, or of every task twice, at INFO.
    for chatty in ("httpx", "httpcore", "httpx2", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel("WARNING")
