"""Spans: made by opentelemetry-instrumentation-fastapi when OTEL_TRACES_EXPORTER asks for them."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from telemetry.delivery import WatchedSpans
from telemetry.exporters import span_exporter
from telemetry.otlp import Target


def tracer_provider(to: Target | None, who: Resource) -> TracerProvider:
    """A provider that exports in batches, to the console where no target is given. Whoever made it shuts it
    down. The sampler is OTEL_TRACES_SAMPLER's."""
    provider = TracerProvider(resource=who, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(to)))
    return provider


def _exporter(to: Target | None) -> SpanExporter:
    return WatchedSpans(span_exporter(to), to.where) if to else ConsoleSpanExporter()


def sampled_context() -> tuple[int, int] | None:
    """The ids of the current trace and span, where it is one that is sampled."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid and context.trace_flags & trace.TraceFlags.SAMPLED:
        return context.trace_id, context.span_id
    return None


def trace_id() -> str:
    """The current span's trace id in hex, or an empty string."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""
