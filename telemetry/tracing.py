"""Where spans go when OTEL_TRACES_EXPORTER asks for them, and which one is current. spans.py makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)

from telemetry.cleanspans import cleaned_spans
from telemetry.delivery import WatchedSpans
from telemetry.exporters import span_exporter
from telemetry.guard import guard
from telemetry.otlp import Target

# Where a context keeps its span.
(_CURRENT,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
_SAMPLED = trace.TraceFlags.SAMPLED


def tracer_provider(to: Target | None, who: Resource) -> TracerProvider:
    """A provider that exports in batches, to the console where no target is given. Whoever made it shuts it
    down. The sampler is OTEL_TRACES_SAMPLER's."""
    provider = TracerProvider(resource=who, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(to)))
    return provider


def _exporter(to: Target | None) -> SpanExporter:
    return WatchedSpans(span_exporter(to), to) if to else PrintedSpans()


class PrintedSpans(ConsoleSpanExporter):
    """Prints spans with texts that every reader takes. One that cannot be printed, such as one with bytes, is
    a fault, and the others of its batch are printed."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Print each by itself."""
        results = {self._printed(span) for span in cleaned_spans(spans)}
        return SpanExportResult.FAILURE if SpanExportResult.FAILURE in results else SpanExportResult.SUCCESS

    def _printed(self, span: ReadableSpan) -> SpanExportResult:
        try:
            return super().export([span])
        except Exception:
            guard.fault("export")
            return SpanExportResult.FAILURE


def trace_id() -> str:
    """The current span's trace id in hex, or an empty string."""
    try:
        found = trace.get_current_span().get_span_context()
        return format(found.trace_id, "032x") if found.is_valid else ""
    except Exception:  # of a context or a span that is not the SDK's own
        guard.fault("record")
        return ""


def sampled_context() -> tuple[int, int] | None:
    """The current span's trace id and span id, where the span is sampled: what an exemplar tells."""
    # trace.get_current_span() also looks whether it is a Span, and takes twice as long over it.
    span: Any = context.get_current().get(_CURRENT)
    if span is None:
        return None
    number, span_id, _, flags, _, valid = span.get_span_context()
    return (number, span_id) if flags & _SAMPLED and valid else None
