"""Log lines: one JSON object each, with the request's id, and never a secret."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from contextvars import ContextVar
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request that is served, empty outside of one."""

TRACE_ID: ContextVar[str] = ContextVar("trace_id", default="")
"""W3C id of the trace that the request belongs to, empty where there is none."""

quote = json.encoder.encode_basestring_ascii
"""Encodes a string as JSON."""

_SECRET = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"  # a JWT, its signature cut or not
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|(?i:(?<=://))[^/\s:@]*:[^/\s@]+(?=@)"  # user:password@ of a URL
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_FLUSH_SECONDS = 0.2
_FLUSH_LINES = 256
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def redact(text: str) -> str:
    """Return the text without tokens, passwords in URLs and private keys."""
    return _SECRET.sub("[redacted]", text)


def format_time(seconds: float) -> str:
    """Return a time of the Unix epoch as RFC 3339 in UTC, to the millisecond."""
    whole = int(seconds)
    return f"{_format_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


_last_second: tuple[int, str] = (0, "1970-01-01T00:00:00")


def _format_second(second: int) -> str:
    global _last_second  # noqa: PLW0603 - a cache of one entry: hundreds of lines share a second
    known, text = _last_second
    if known != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _last_second = (second, text)
    return text


class JsonFormatter(logging.Formatter):
    """One JSON object per record; what a caller passes as `extra` is kept."""

    def __init__(self, *, service: str, worker: int) -> None:
        """Take what all lines of this process share."""
        super().__init__()
        self._process = {"service": service, "worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        fields: dict[str, Any] = {
            "time": format_time(record.created),
            "level": record.levelname,
            **self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            fields["request_id"] = request_id
        if trace_id := TRACE_ID.get():
            fields["trace_id"] = trace_id
        fields.update((name, value) for name, value in vars(record).items() if name not in _KNOWN)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(fields, ensure_ascii=False, default=str))


class TextFormatter(logging.Formatter):
    """The same for a person who reads along."""

    def __init__(self, *, service: str, worker: int) -> None:
        """Take what all lines of this process share."""
        super().__init__(f"%(asctime)s %(levelname)-7s {service}-{worker} %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        line = super().format(record)
        request_id = REQUEST_ID.get()
        return redact(f"{line} [{request_id}]" if request_id else line)


def set_up_logs(*, service: str, worker: int, level: str, form: str, stream: IO[str] | None = None) -> None:
    """Send all log records of this process to `stream` (stderr), as `json` or `text`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = JsonFormatter if form == "json" else TextFormatter
    handler.setFormatter(formatter(service=service, worker=worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their debug and info lines tell of every connection and statement.
    for noisy in ("asyncio", "grpc", "httpcore", "httpx", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


class AccessLog:
    """Writes one line per call, several at once: a write of its own each would cost more than the rest of the chain.

    Lines wait for a fifth of a second at most. Errors that nobody foresaw do not wait here: they are log records.
    """

    def __init__(self, *, service: str, worker: int, stream: IO[str] | None = None, enabled: bool = True) -> None:
        """Write to `stream` (stderr), or nowhere where access is not to be logged."""
        self.enabled = enabled
        self._stream = stream or sys.stderr
        self._head = f'","level":"INFO","service":{quote(service)},"worker":{worker},"logger":"access",'
        self._lines: list[tuple[float, str | Callable[[], str]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, now: float, fields: str | Callable[[], str], loop: asyncio.AbstractEventLoop) -> None:
        """Keep a line; `fields` is the inside of a JSON object without the fields that all lines share, or makes it."""
        lines = self._lines
        lines.append((now, fields))
        if len(lines) >= _FLUSH_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines = self._lines, []
            head = self._head
            # Put into words together: that costs half of what it costs between the steps of a call.
            texts = [
                f'{{"time":"{format_time(now)}{head}{fields if isinstance(fields, str) else fields()}}}\n'
                for now, fields in lines
            ]
            self._stream.write("".join(texts))
            self._stream.flush()
