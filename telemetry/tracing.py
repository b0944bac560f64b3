"""Spans: made by opentelemetry-instrumentation-fastapi when OTEL_TRACES_EXPORTER asks for them."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from telemetry.settings import Settings


def tracer_provider(settings: Settings, who: Resource) -> TracerProvider:
    """A provider that exports in batches; the sampler is OTEL_TRACES_SAMPLER's."""
    provider = TracerProvider(resource=who)
    provider.add_span_processor(BatchSpanProcessor(_exporter(settings)))
    return provider


def _exporter(settings: Settings) -> SpanExporter:
    if settings.traces_exporter == "console":
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def trace_id() -> str:
    """The current span's trace id in hex, or an empty string."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""
