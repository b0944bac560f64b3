"""Where spans go when OTEL_TRACES_EXPORTER asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)

from telemetry.guard import guard
from telemetry.push.cleanspans import cleaned_spans
from telemetry.push.delivery import WatchedSpans
from telemetry.push.exporters import span_exporter
from telemetry.push.target import PushTarget
from telemetry.settings import SettingsError

LIMITS = "OTEL_BSP_*, OTEL_SPAN_*, OTEL_ATTRIBUTE_*, OTEL_EVENT_* or OTEL_LINK_*"
_PREFIXES = ("OTEL_BSP_", "OTEL_SPAN_", "OTEL_ATTRIBUTE_", "OTEL_EVENT_", "OTEL_LINK_")


def tracer_provider(to: PushTarget | None, who: Resource) -> TracerProvider:
    """A provider that exports in batches, to the console where no target is given. Whoever made it shuts it
    down. The sampler is OTEL_TRACES_SAMPLER's. Raises SettingsError for limits that the SDK refuses."""
    try:
        provider = TracerProvider(resource=who, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(_exporter(to)))
    except ValueError as error:
        raise SettingsError(f"{LIMITS}: {error}; unset those that you do not need") from None
    return provider


def check(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for limits that the SDK refuses. It reads those of this process."""
    if any(name.startswith(_PREFIXES) for name in environ):
        tracer_provider(None, Resource.get_empty()).shutdown()


def _exporter(to: PushTarget | None) -> SpanExporter:
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
