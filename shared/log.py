"""Logs: one JSON object a line on stderr, with recording and trace, never with transcript text.

Modules log by the standard library (`logging.getLogger(__name__)`); `extra=` fields become fields
of the object, and so does what `bind` holds.
"""

import logging
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

import msgspec
from opentelemetry import trace

Field = str | int | float | bool | None

_bound: ContextVar[Mapping[str, Field]] = ContextVar("log_fields", default={})  # noqa: B039 - never mutated
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "color_message",  # uvicorn's copy of the message with terminal colours
}
_encoder = msgspec.json.Encoder(enc_hook=str)


@contextmanager
def bind(**fields: Field) -> Generator[None, None, None]:
    """Add fields, such as `recording` and `version`, to every record logged within the context."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def configure(
    service: str,
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["json", "text"] = "json",
) -> None:
    """Send every record of the process to stderr, in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(service) if form == "json" else _Text(service))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    # Their INFO repeats every request; what matters of it is in our own records and spans.
    for chatty in ("httpx", "httpcore", "urllib3", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    # Warns of every connection that is refused; who uses the store says once that it is away.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def fields(record: logging.LogRecord) -> dict[str, object]:
    """The fields of a record: bound ones, the trace, then its own `extra`."""
    found: dict[str, object] = dict(_bound.get())
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        found["trace_id"] = trace.format_trace_id(context.trace_id)
        found["span_id"] = trace.format_span_id(context.span_id)
    found.update((k, v) for k, v in record.__dict__.items() if k not in _STANDARD)
    return found


class _Json(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((k, v) for k, v in fields(record).items() if k not in line)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encoder.encode(line).decode()


class _Text(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)-7s {service} %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        # Fields go before a traceback, so that they stay on the record's first line.
        head, _, rest = super().format(record).partition("\n")
        tail = "".join(f" {k}={v}" for k, v in fields(record).items())
        return head + tail + (f"\n{rest}" if rest else "")
