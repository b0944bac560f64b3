"""Whether pushes arrive: one log line when they stop, one when they go on, and every failure counted.

The SDK's exporters log each attempt and return no reason. What our session and stub meet, else what they log
during a push of ours, becomes the reason in that one line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.guard import guard
from telemetry.push.cleanspans import cleaned_spans
from telemetry.push.target import PushTarget
from telemetry.sdk.exporter import ForwardingExporter

Result = TypeVar("Result", MetricExportResult, SpanExportResult)

EXPORTERS = "opentelemetry.exporter.otlp.proto"
LOGGERS = (
    f"{EXPORTERS}.http.metric_exporter",
    f"{EXPORTERS}.http.trace_exporter",
    f"{EXPORTERS}.grpc.exporter",
)
LONGEST_REASON = 300

_heard: ContextVar[list[str] | None] = ContextVar("telemetry_heard", default=None)
_log = logging.getLogger("telemetry")


def _listen(record: logging.LogRecord) -> bool:
    """Take what is logged during a push of ours; let the rest through."""
    heard = _heard.get()
    if heard is not None:
        heard.append(record.getMessage())
    return heard is None


def hear(error: Exception) -> None:
    """Take a failed request of this push as its reason: the exporters' lines may leave it out."""
    from telemetry.push.failures import in_words  # with requests, for which a start need not wait

    heard = _heard.get()
    if heard is not None:
        heard.append(in_words(error))


class Delivery:
    """The pushes of one signal to one place. `lost`: what becomes of what did not arrive."""

    def __init__(self, signal: str, to: PushTarget, lost: str) -> None:
        self._signal, self._to, self._lost = signal, to, lost
        self._failed = 0
        for name in LOGGERS:
            logger = logging.getLogger(name)
            if _listen not in logger.filters:
                # First of all: the exporter's own filter drops what is logged a second time.
                logger.filters.insert(0, _listen)

    def push(self, export: Callable[[], Result], failure: Result) -> Result:
        """The result of an export. One that raises has failed."""
        heard: list[str] = []
        token = _heard.set(heard)
        try:
            result = export()
        except Exception as error:
            result = failure
            hear(error)
        finally:
            _heard.reset(token)
        if result is failure:
            self._fails(heard)
        else:
            self._arrives()
        return result

    def _fails(self, heard: Sequence[str]) -> None:
        self._failed += 1
        if self._failed == 1:
            reason = heard[0] if heard else "the exporter gives no reason"
            _log.error(
                "pushing %s to %s fails: %s; requests are untouched, %s",
                self._signal,
                self._to.where,
                _one_line(self._to.cleaned(reason))[:LONGEST_REASON],
                self._lost,
            )
        guard.count_fault("export")

    def _arrives(self) -> None:
        if self._failed:
            _log.warning(
                "pushing %s to %s works again, after %d that failed",
                self._signal,
                self._to.where,
                self._failed,
            )
        self._failed = 0


def _one_line(text: str) -> str:
    """The text without what a receiver could write a line of its own with, or move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


class WatchedMetrics(ForwardingExporter):
    """A metric exporter whose pushes are watched."""

    def __init__(self, inner: MetricExporter, to: PushTarget) -> None:
        super().__init__(inner)
        self._delivery = Delivery("metrics", to, "and totals follow with the next push that arrives")

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Push; FAILURE when it did not arrive. What could not be counted until now is in the next one."""
        guard.count_due()
        return self._delivery.push(
            lambda: self._inner.export(metrics_data, timeout_millis, **kwargs), MetricExportResult.FAILURE
        )


class WatchedSpans(SpanExporter):
    """A span exporter whose pushes are watched."""

    def __init__(self, inner: SpanExporter, to: PushTarget) -> None:
        self._inner = inner
        self._delivery = Delivery("spans", to, "and these spans are lost")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Push; FAILURE when it did not arrive."""
        return self._delivery.push(lambda: self._inner.export(cleaned_spans(spans)), SpanExportResult.FAILURE)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the inner exporter."""
        return self._inner.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shut the inner exporter down."""
        self._inner.shutdown()
