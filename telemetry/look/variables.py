"""A dashboard's variables: their values by its defaults, and queries with those put in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry.look.bounds import Pairs

ALL = "$__all"
_PLACE = re.compile(r"\$\{(?P<braced>\w+)(?::(?P<format>\w+))?\}|\$(?P<bare>\w+)|\[\[(?P<old>\w+)\]\]")
_SPECIAL = re.compile(r"[\\^$*+?.()|{}\[\]]")
_VALUES = re.compile(r"\s*label_values\(\s*(?:(?P<metric>.+?)\s*,\s*)?(?P<label>\w+)\s*\)\s*", re.DOTALL)
_METRICS = re.compile(r"\s*metrics\(\s*(?P<pattern>.*?)\s*\)\s*", re.DOTALL)
_RESULT = re.compile(r"\s*query_result\(\s*(?P<query>.*?)\s*\)\s*", re.DOTALL)


@dataclass(frozen=True)
class VariableValue:
    """A variable and its chosen values. `is_list`: Grafana puts such values in as a regular expression."""

    name: str
    values: tuple[str, ...]
    is_list: bool = False
    all_value: str = ""

    @property
    def raw(self) -> str:
        """The values as they are."""
        return ",".join(self.values)

    def put(self, form: str | None) -> str:
        """As it stands in a query."""
        if self.all_value:
            return self.all_value
        return _FORMS.get(form or "", _in_promql)(self)


def _in_promql(variable: VariableValue) -> str:
    if not variable.is_list:
        return variable.raw
    return _either([_SPECIAL.sub(r"\\\\\g<0>", value) for value in variable.values])


def _regex(variable: VariableValue) -> str:
    return _either([_SPECIAL.sub(r"\\\g<0>", value) for value in variable.values])


def _either(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"({'|'.join(values)})"


_FORMS: Mapping[str, Callable[[VariableValue], str]] = {
    "csv": lambda variable: variable.raw,
    "pipe": lambda variable: "|".join(variable.values),
    "raw": lambda variable: variable.raw,
    "regex": _regex,
    "text": lambda variable: " + ".join(variable.values),
}


def put_in(text: str, values: Mapping[str, VariableValue]) -> str:
    """A query with its variables and Grafana's own put in; a name that is unknown stays as it is."""

    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["bare"] or found["old"]
        return values[name].put(found["format"]) if name in values else found[0]

    return _PLACE.sub(value, text)


def chosen(model: Mapping[str, Any], options: Iterable[str], wanted: str | None) -> VariableValue:
    """A variable by its default, or by what is wanted of it."""
    is_list = bool(model.get("multi") or model.get("includeAll"))
    name, options = str(model["name"]), list(options)
    values = [wanted] if wanted is not None else _current(model, options)
    if ALL in values:
        allowed = str(model.get("allValue") or "")
        return VariableValue(name, tuple(options), is_list, allowed or ("" if options else ".*"))
    return VariableValue(name, tuple(values), is_list)


def _current(model: Mapping[str, Any], options: list[str]) -> list[str]:
    current = model.get("current")
    value = current.get("value") if isinstance(current, dict) else None
    values = [str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "")]
    if values and (ALL in values or model.get("type") != "query" or set(values) <= set(options)):
        return values
    if model.get("includeAll"):
        return [ALL]
    return options[:1] or [""]


def fixed_options(model: Mapping[str, Any]) -> list[str] | None:
    """The options that stand in the dashboard; None where Prometheus is asked for them."""
    query = model.get("query")
    if model.get("type") == "query":
        return None
    if model.get("type") in ("custom", "interval") and isinstance(query, str):
        return [part.rpartition(" : ")[2].strip() for part in query.split(",")]
    return [query] if isinstance(query, str) else []


def question(query: str) -> tuple[str, Pairs] | None:
    """The path and parameters with which Prometheus is asked for a variable's options."""
    if found := _VALUES.fullmatch(query):
        matched = [("match[]", found["metric"])] if found["metric"] else []
        return f"label/{found['label']}/values", matched
    if _METRICS.fullmatch(query):
        return "label/__name__/values", []
    if found := _RESULT.fullmatch(query):
        return "query", [("query", found["query"])]
    return None


def options_of(model: Mapping[str, Any], query: str, data: Any) -> list[str]:
    """The options in Prometheus's answer, filtered by the variable's regular expression."""
    if isinstance(data, dict):
        texts = [_series(row) for row in data.get("result", [])]
    else:
        texts = [str(value) for value in data or []]
    if found := _METRICS.fullmatch(query):
        texts = [text for text in texts if re.search(found["pattern"], text)]
    return sorted({kept for text in texts for kept in _kept(text, str(model.get("regex") or ""))})


def _series(row: Mapping[str, Any]) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in row["metric"].items() if name != "__name__")
    value = row.get("value", ["", ""])
    return f"{row['metric'].get('__name__', '')}{{{labels}}} {value[1]} {value[0]}"


def _kept(text: str, written: str) -> list[str]:
    if not written:
        return [text]
    pattern = written[1:].rpartition("/")[0] if written.startswith("/") else f"^{written}$"
    try:
        found = re.search(pattern, text)
    except re.error:  # a pattern of another dialect
        return [text]
    if not found:
        return []
    return [next((group for group in found.groups() if group is not None), found[0])]
