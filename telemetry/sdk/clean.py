"""The SDK's data with texts that every reader takes. One that protobuf has no room for would fail the whole
push, and one that a scraper has none for the whole page, for as long as the process lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from opentelemetry.sdk.metrics.export import Metric, MetricsData
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.words import printable, say_once

T = TypeVar("T")


def cleaned(data: MetricsData, but: str = "") -> MetricsData:
    """The same data, or, where a text in it is odd, a copy with that written out and a line that says so.
    The meter named `but` has no such text."""

    def scope(one: Any) -> Any:
        return one if one.scope.name == but else _scope(one)

    def resource(one: Any) -> Any:
        return _changed(one, scope_metrics=_each(one.scope_metrics, scope))

    return _changed(data, resource_metrics=_each(data.resource_metrics, resource))  # type: ignore[no-any-return]


def _scope(one: Any) -> Any:
    return _changed(one, scope=clean_scope(one.scope), metrics=_each(one.metrics, _metric))


def clean_scope(scope: InstrumentationScope) -> InstrumentationScope:
    """The same scope, or a copy with odd texts written out."""
    clean = InstrumentationScope(
        printable(scope.name),
        scope.version and printable(scope.version),
        scope.schema_url and printable(scope.schema_url),
        clean_attributes(scope.attributes),
    )
    return scope if clean == scope else clean


def _metric(metric: Metric) -> Metric:
    points = _each(metric.data.data_points, _point)
    data = _changed(metric.data, data_points=points)
    words = metric.description
    made: Metric = _changed(metric, description=words and printable(words), data=data)
    if made is not metric:
        say_once("%s has text that no reader takes, in a label or its help: it is written out", metric.name)
    return made


def _point(point: Any) -> Any:
    return _changed(
        point,
        attributes=clean_attributes(point.attributes),
        exemplars=_each(point.exemplars, _exemplar) if point.exemplars else point.exemplars,
    )


def _exemplar(exemplar: Any) -> Any:
    return _changed(exemplar, filtered_attributes=clean_attributes(exemplar.filtered_attributes))


def clean_attributes(attributes: Any) -> Any:
    """The same mapping, or a copy with odd texts written out. Keys are texts, and none is empty; values stay
    what they are."""
    if not attributes:
        return attributes
    if all(_is_clean(key) and key and _is_clean(value) for key, value in attributes.items()):
        return attributes
    return {printable(str(key)) or "_": _value(value) for key, value in attributes.items()}


def _is_clean(value: object) -> bool:
    if isinstance(value, str):
        return printable(value) == value
    if isinstance(value, (list, tuple)):
        return all(map(_is_clean, value))
    return isinstance(value, (bool, int, float))


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple)):
        return type(value)([_value(each) for each in value])
    if isinstance(value, Mapping):
        return {printable(str(key)): _value(each) for key, each in value.items()}
    return value


def _each(many: Any, clean: Callable[[T], T]) -> Any:
    """All of them, the same object where none has changed."""
    done = [clean(one) for one in many]
    return done if any(new is not old for new, old in zip(done, many, strict=True)) else many


def _changed(made: Any, **fields: Any) -> Any:
    """A copy of a dataclass with other fields, or itself where they are as they were."""
    new = {name: value for name, value in fields.items() if value is not getattr(made, name)}
    return replace(made, **new) if any(value != getattr(made, name) for name, value in new.items()) else made
