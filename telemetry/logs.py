"""Logs: one line per event, as text or as JSON, with the trace id where there is one."""

from __future__ import annotations

import json
import logging
import time
from typing import Any, Literal

Format = Literal["text", "json"]
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

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
    logger.info("%s %s - %s - %.3fs%s", method, endpoint, status_code, seconds, trace, extra=fields)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, with the traceback as one string."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def show_access() -> None:
    """Send the access lines to stderr for as long as the process has configured no logging of its own."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(TEXT))
    handler.addFilter(lambda _: not logging.getLogger().handlers)
    logger = logging.getLogger("telemetry.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def configure(style: Format, level: str = "INFO") -> None:
    """Send all logs to stderr in one style, uvicorn's too. Its access lines end: ours say the same, once."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else logging.Formatter(TEXT))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
