"""Spans: made by opentelemetry-instrumentation-fastapi when OTEL_TRACES_EXPORTER asks for them."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from telemetry.delivery import WatchedSpans
from telemetry.exporters import span_exporter
from telemetry.guard import guard
from telemetry.otlp import Target


def tracer_provider(to: Target | None, who: Resource) -> TracerProvider:
    """A provider that exports in batches, to the console where no target is given. Whoever made it shuts it
    down. The sampler is OTEL_TRACES_SAMPLER's."""
    provider = TracerProvider(resource=who, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(to)))
    return provider


def _exporter(to: Target | None) -> SpanExporter:
    return WatchedSpans(span_exporter(to), to.where) if to else ConsoleSpanExporter()


def trace_id() -> str:
    """The current span's trace id in hex, or an empty string."""
    try:
        context = trace.get_current_span().get_span_context()
        return format(context.trace_id, "032x") if context.is_valid else ""
    except Exception:  # of a context or a span that is not the SDK's own
        guard.fault("record")
        return ""
