"""Structured logging: each line is a JSON object, with the request id and the job id if there are any."""

import contextvars
import logging
import sys
import threading
import warnings
from collections import Counter
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import orjson

request_id_var: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
job_id_var: contextvars.ContextVar[str | None] = contextvars.ContextVar("job_id", default=None)

#: Maximum number of characters of one log field, so that a client's long header does not fill the log.
FIELD_MAX_CHARS = 2000
#: The number of characters of a long traceback that are kept at its start (the entry point) and at its end
#: (the error).
TRACEBACK_HEAD_CHARS, TRACEBACK_TAIL_CHARS = 1000, 5000
#: Maximum number of logged warnings per source line; without a maximum, input from clients could fill the log
#: with warnings.
WARNINGS_PER_PLACE = 10

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON, with line breaks and control characters escaped."""

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
                line[name] = _shortened(value)
        if record.exc_info:
            line["exception"] = _shortened_traceback(self.formatException(record.exc_info))
        shown = {name: value for name, value in line.items() if value is not None}
        return orjson.dumps(shown, default=str).decode()


class _Handler(logging.StreamHandler[TextIO]):
    """Writes log records to a stream; writes an error in place of a record that cannot be formatted."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        error = sys.exception()
        message = f"a log record cannot be written: {type(error).__name__}"
        broken = logging.LogRecord(
            record.name, logging.ERROR, record.pathname, record.lineno, message, (), None
        )
        self.stream.write(self.format(broken) + self.terminator)


def configure_logging(service: str, level: str, *, stream: TextIO | None = None) -> None:
    """Write every log record, warning and uncaught error as JSON to a stream, by default standard error.

    Only entry points call this function.
    """
    warnings.showwarning = _Warnings().show
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable
    # At level INFO, httpx and httpcore log every request, and Celery logs every task twice.
    for chatty in ("httpx", "httpcore", "httpx2", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel("WARNING")
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    # The handler is installed last, so that other threads log nothing before the configuration is complete.
    logging.basicConfig(level=level, handlers=[handler], force=True)


class _Warnings:
    """Logs Python warnings, at most `WARNINGS_PER_PLACE` times for each source line."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()

    def show(  # noqa: PLR0917 - the signature of warnings.showwarning
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG002
        line: str | None = None,  # noqa: ARG002
    ) -> None:
        self._counts[filename, lineno] += 1
        if self._counts[filename, lineno] <= WARNINGS_PER_PLACE:
            extra = {"warning": str(message), "category": category.__name__, "place": f"{filename}:{lineno}"}
            log.warning("a library warns", extra=extra)


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("the process ends because of an error", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread else None
        exc_info = (args.exc_type, args.exc_value, args.exc_traceback)
        log.error("a thread ends because of an error", exc_info=exc_info, extra={"thread_name": name})


def _log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    if args.exc_value is not None:
        exc_info = (args.exc_type, args.exc_value, args.exc_traceback)
        log.error("an error occurred where no code can handle it", exc_info=exc_info)


def _shortened(value: object) -> object:
    if isinstance(value, str):
        return value[:FIELD_MAX_CHARS]
    if value is None or isinstance(value, bool | int | float):
        return value
    written = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return value if len(written) <= FIELD_MAX_CHARS else written[:FIELD_MAX_CHARS]


def _shortened_traceback(traceback: str) -> str:
    if len(traceback) <= TRACEBACK_HEAD_CHARS + TRACEBACK_TAIL_CHARS:
        return traceback
    return f"{traceback[:TRACEBACK_HEAD_CHARS]}\n…\n{traceback[-TRACEBACK_TAIL_CHARS:]}"
