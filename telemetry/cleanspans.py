"""Spans with texts that protobuf takes: one odd name would fail the push of a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from telemetry.clean import clean_attributes, clean_scope
from telemetry.words import printable, say_once


def cleaned_spans(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """The same spans; of one with an odd text, a copy with that written out and a line that says so."""
    return [_span(span) for span in spans]


def _span(span: ReadableSpan) -> ReadableSpan:
    scope = span.instrumentation_scope
    texts: dict[str, Any] = {
        "name": printable(span.name),
        "attributes": clean_attributes(span.attributes),
        "events": [_event(event) for event in span.events],
        "links": [_link(link) for link in span.links],
        "status": _status(span.status),
        "instrumentation_scope": scope and clean_scope(scope),
    }
    if all(_is_same(new, getattr(span, name)) for name, new in texts.items()):
        return span
    say_once("span %s has text that no receiver takes: it is written out", texts["name"])
    return ReadableSpan(
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        kind=span.kind,
        start_time=span.start_time,
        end_time=span.end_time,
        **texts,
    )


def _is_same(new: Any, old: Any) -> bool:
    if isinstance(new, list):
        return all(map(_is_same, new, old))
    return new is old or (isinstance(new, str) and new == old)


def _event(event: Event) -> Event:
    name, attributes = printable(event.name), clean_attributes(event.attributes)
    if name == event.name and attributes is event.attributes:
        return event
    return Event(name, attributes, event.timestamp)


def _link(link: Link) -> Link:
    attributes = clean_attributes(link.attributes)
    return link if attributes is link.attributes else Link(link.context, attributes)


def _status(status: Status) -> Status:
    words = status.description and printable(status.description)
    return status if words == status.description else Status(status.status_code, words)
