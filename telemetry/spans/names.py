"""Which route a span is named after. A span has its name before routing runs, for samplers and processors
see it at the start; so the routes are matched here first, over a table of them that is made once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Match, Mount, Route, WebSocketRoute
from starlette.types import Scope

from telemetry.asgi.table import RouteTable
from telemetry.builtin import METHODS

_GROUP = re.compile(r"\(\?P<\w+>")
_BY_PATH: set[Any] = {Route.matches, APIRoute.matches, Mount.matches}
_NEVER: set[Any] = {WebSocketRoute.matches, APIWebSocketRoute.matches}


class _Row(NamedTuple):
    """One route: what its path must be like and which methods it takes, or, where it has a way of its own
    to match, `ask`."""

    path: str | None
    pattern: re.Pattern[str]
    methods: frozenset[str]
    ask: Any = None


class _First(NamedTuple):
    """All routes that take one method as one pattern, in which the first that fits is found in one step."""

    match: Callable[[str], re.Match[str] | None]
    paths: tuple[str | None, ...]


class Routes:
    """The routes of one application that take HTTP. Mounted ones are known by where they are mounted."""

    def __init__(self, table: RouteTable) -> None:
        self._table = table
        self._read_from: tuple[Any, ...] | None = None
        self._rows: tuple[_Row, ...] = ()
        self._first: dict[str, _First | None] = {}

    def of(self, scope: Scope) -> str | None:
        """The path of the first route that would take the request, or else of the last that takes its path
        with other methods, or None."""
        self._table.look()
        if self._read_from is not self._table.first:
            self._read(self._table.first)
        first = self._first.get(scope["method"])
        if first and (found := first.match(_routed(scope))):
            return first.paths[(found.lastindex or 1) - 1]
        return self._match(scope)

    def _read(self, routes: tuple[Any, ...]) -> None:
        self._rows = tuple(row for route in routes if (row := _row(route)))
        self._first = {method: _first(self._rows, method) for method in METHODS}
        self._read_from = routes

    def _match(self, scope: Scope) -> str | None:
        method, path, partial = scope["method"], _routed(scope), None
        for route, pattern, methods, ask in self._rows:
            match = pattern.match(path) if ask is None else ask.matches(scope)[0]
            if not match or match is Match.NONE:
                continue
            if match is not Match.PARTIAL and (not methods or method in methods):
                return route
            partial = route
        return partial


def _row(route: Any) -> _Row | None:
    how = type(getattr(route, "original_route", route)).matches
    if how in _NEVER:
        return None
    path = getattr(route, "path", None)
    if how in _BY_PATH:
        return _Row(path, route.path_regex, frozenset(getattr(route, "methods", None) or ()))
    return _Row(path, re.compile(""), frozenset(), route)


def _first(rows: tuple[_Row, ...], method: str) -> _First | None:
    """None where the patterns cannot be put together: a group or a flag of one would be one of all."""
    taken = [row for row in rows if row.ask or not row.methods or method in row.methods]
    texts = [_GROUP.sub("(?:", row.pattern.pattern) for row in taken]
    if any(row.ask for row in taken) or any("(?" in text.replace("(?:", "") for text in texts):
        return None
    whole = re.compile("|".join(f"({text})" for text in texts) or "(?!)")
    return _First(whole.match, tuple(row.path for row in taken)) if whole.groups == len(taken) else None


def _routed(scope: Scope) -> str:
    """The path as routing sees it: without the part that a proxy or a mount has taken off."""
    path, root = scope["path"], scope.get("root_path", "")
    below: str = path.removeprefix(root)
    return below if below[:1] in {"/", ""} else path
