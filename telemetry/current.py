"""Which span is current, for lines of the log and for exemplars."""

from __future__ import annotations

from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context

from telemetry.guard import guard

# Where a context keeps its span.
(_CURRENT,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
_SAMPLED = trace.TraceFlags.SAMPLED


def trace_id() -> str:
    """The current span's trace id in hex, or an empty string."""
    try:
        found = trace.get_current_span().get_span_context()
        return format(found.trace_id, "032x") if found.is_valid else ""
    except Exception:  # of a context or a span that is not the SDK's own
        guard.fault("record")
        return ""


def sampled_context() -> tuple[int, int] | None:
    """The current span's trace id and span id, where the span is sampled, for an exemplar."""
    # trace.get_current_span() also looks whether it is a Span, and takes twice as long over it.
    span: Any = context.get_current().get(_CURRENT)
    if span is None:
        return None
    number, span_id, _, flags, _, valid = span.get_span_context()
    return (number, span_id) if flags & _SAMPLED and valid else None
