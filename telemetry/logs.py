"""Logs: one line per event, as text or as JSON, with the trace id where there is one."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Literal

from telemetry.guard import SPELL_SECONDS

Format = Literal["text", "json"]
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ACCESS = "%s %s - %s - %.3fs%s"

# uvicorn's color_message is the message once more, with escapes for a terminal.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def access(
    logger: logging.Logger, method: str, endpoint: str, status_code: int, seconds: float, trace_id: str
) -> None:
    """Log one request, answered. Times are in seconds; the end point is the template, never the path."""
    if not logger.isEnabledFor(logging.INFO):
        return
    fields: dict[str, Any] = {
        "method": method,
        "endpoint": endpoint,
        "status_code": status_code,
        "duration": round(seconds, 6),
    }
    trace = ""
    if trace_id:
        fields["trace_id"], trace = trace_id, f" trace_id={trace_id}"
    said = (method, endpoint, status_code, seconds, trace)
    # As logger.info(), which would look for its caller in the stack each time.
    record = logger.makeRecord(logger.name, logging.INFO, *_HERE, _ACCESS, said, None, "access", fields)
    logger.handle(record)


_HERE = access.__code__.co_filename, access.__code__.co_firstlineno


class _EachSecond:
    """A moment as text, which is made once a second."""

    def __init__(self, style: str, of: Callable[[float], time.struct_time]) -> None:
        self._style, self._of = style, of
        self._last = (-1, "")

    def __call__(self, moment: float) -> str:
        second = int(moment)
        last, text = self._last
        if last != second:
            text = time.strftime(self._style, self._of(second))
            self._last = second, text
        return text


class TextFormatter(logging.Formatter):
    """logging's own lines, with the time of day as ever."""

    def __init__(self) -> None:
        super().__init__(TEXT)
        self._seconds = _EachSecond(self.default_time_format, time.localtime)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's
        """Local time to the millisecond."""
        return f"{self._seconds(record.created)},{int(record.msecs):03d}"


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, and what was given as `extra`."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = _EachSecond("%Y-%m-%dT%H:%M:%S", time.gmtime)
        self._encode = json.JSONEncoder(ensure_ascii=False, default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, with the traceback as one string."""
        line: dict[str, Any] = {
            "time": f"{self._seconds(record.created)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return self._encode(line)


def show_access() -> None:
    """Send the access lines to stderr for as long as the process has configured no logging of its own."""
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter())
    handler.addFilter(lambda _: not logging.getLogger().handlers)
    logger = logging.getLogger("telemetry.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


_NO_FILES = "socket.accept() out of system resource"


class OncePerSpell(logging.Filter):
    """Of each line that clients can cause at will, one a spell: a run with less than a minute between them.

    They are the server's warnings, and asyncio's error where no file can be opened: that one comes with a
    traceback, thousands of times a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is the first of its spell, or of another kind."""
        line = str(record.msg)
        if line.startswith(_NO_FILES) and record.exc_info:
            line = f"{_NO_FILES}: {record.exc_info[1]}"
            record.msg, record.args, record.exc_info = line, None, None
        elif record.levelno != logging.WARNING:
            return True
        now, last = self._clock(), self._last.get(line, -math.inf)
        self._last[line] = now
        return now - last >= SPELL_SECONDS


once_per_spell = OncePerSpell()
"""The process's own, so that configuring twice changes nothing."""
REPEATING = ("uvicorn.error", "asyncio")
"""The loggers whose lines clients can cause at will."""


def configure(style: Format, level: str = "INFO") -> None:
    """Send all logs to stderr in one style, uvicorn's too. Its access lines end: ours say the same, once.
    What clients make it and asyncio say is one line a spell."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
    for name in REPEATING:
        logging.getLogger(name).addFilter(once_per_spell)
