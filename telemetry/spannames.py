"""Which route a span is named after. A span has its name before routing runs, for samplers and processors
see it at the start; so the routes are matched here first, over a table of them that is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import fastapi.routing
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Match, Mount, Route, WebSocketRoute

from telemetry.exposition import Scope

# FastAPI from 0.137 on nests included routes and has a function that flattens them; older ones are flat.
_flat: Callable[[Iterable[Any]], Iterable[Any]] = getattr(fastapi.routing, "iter_route_contexts", iter)

_BY_PATH: set[Any] = {Route.matches, APIRoute.matches, Mount.matches}
_NEVER: set[Any] = {WebSocketRoute.matches, APIWebSocketRoute.matches}


class _Row(NamedTuple):
    """One route: what its path must be like and which methods it takes, or, where it has a way of its own
    to match, `ask`."""

    path: str | None
    fits: Callable[[str], object]
    methods: frozenset[str]
    ask: Any = None


class Routes:
    """The routes of one application that take HTTP. Mounted ones are known by where they are mounted."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._count = -1
        self._flat_count = -1
        self._rows: tuple[_Row, ...] = ()

    def of(self, scope: Scope) -> str | None:
        """The path of the first route that would take the request, or else of the last that takes its path
        with other methods, or None."""
        if len(self._app.routes) != self._count:
            self._read()
        whole, path = self._match(scope)
        # A router that is included may have got more routes since; those count among the flattened ones only.
        if not whole and sum(1 for _ in _flat(self._app.routes)) != self._flat_count:
            self._read()
            _, path = self._match(scope)
        return path

    def _read(self) -> None:
        routes = list(_flat(self._app.routes))
        self._count, self._flat_count = len(self._app.routes), len(routes)
        self._rows = tuple(row for route in routes if (row := _row(route)))

    def _match(self, scope: Scope) -> tuple[bool, str | None]:
        method, path, partial = scope["method"], _routed(scope), None
        for route, fits, methods, ask in self._rows:
            match = fits(path) if ask is None else ask.matches(scope)[0]
            if not match or match is Match.NONE:
                continue
            if match is not Match.PARTIAL and (not methods or method in methods):
                return True, route
            partial = route
        return False, partial


def _row(route: Any) -> _Row | None:
    how = type(getattr(route, "original_route", route)).matches
    if how in _NEVER:
        return None
    path = getattr(route, "path", None)
    if how in _BY_PATH:
        return _Row(path, route.path_regex.match, frozenset(getattr(route, "methods", None) or ()))
    return _Row(path, bool, frozenset(), route)


def _routed(scope: Scope) -> str:
    """The path as routing sees it: without the part that a proxy or a mount has taken off."""
    path, root = scope["path"], scope.get("root_path", "")
    below: str = path.removeprefix(root)
    return below if below[:1] in {"/", ""} else path
