"""Spans with texts that protobuf takes: one odd name would fail the push of a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status

from telemetry.sdk.clean import clean_attributes, clean_scope
from telemetry.words import printable, say_once


def cleaned_spans(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """The same spans; of one with an odd text, a copy with that written out and a line that says so."""
    return [_span(span) for span in spans]


def _span(span: ReadableSpan) -> ReadableSpan:
    # Each field is read once: the SDK makes a new view of it each time.
    old = {name: getattr(span, name) for name in _CLEAN}
    new = {name: clean(old[name]) for name, clean in _CLEAN.items()}
    if all(_is_same(new[name], old[name]) for name in _CLEAN):
        return span
    say_once("span %s has text that no receiver takes: it is written out", new["name"])
    return ReadableSpan(
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        kind=span.kind,
        start_time=span.start_time,
        end_time=span.end_time,
        **new,
    )


def _is_same(new: Any, old: Any) -> bool:
    if isinstance(new, list):
        return all(map(_is_same, new, old))
    return new is old or (isinstance(new, str) and new == old)


def _event(event: Event) -> Event:
    old = event.attributes
    name, attributes = printable(event.name), clean_attributes(old)
    if name == event.name and attributes is old:
        return event
    return Event(name, attributes, event.timestamp)


def _link(link: Link) -> Link:
    old = link.attributes
    attributes = clean_attributes(old)
    return link if attributes is old else Link(link.context, attributes)


def _status(status: Status) -> Status:
    words = status.description and printable(status.description)
    return status if words == status.description else Status(status.status_code, words)


def _scope(scope: InstrumentationScope | None) -> InstrumentationScope | None:
    return scope and clean_scope(scope)


_CLEAN: dict[str, Callable[[Any], Any]] = {
    "name": printable,
    "attributes": clean_attributes,
    "events": lambda events: [_event(event) for event in events],
    "links": lambda links: [_link(link) for link in links],
    "status": _status,
    "instrumentation_scope": _scope,
}
