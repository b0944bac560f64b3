"""Which route template answered a request. Templates keep the series few where paths are many.

The template is looked up by the endpoint function that routing left in the scope, which every version of
Starlette and FastAPI does; its path, prefix and mounts come from walking the routes once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import fastapi.routing
from starlette.routing import Mount, compile_path

from telemetry.catalog import UNMATCHED

# FastAPI from 0.137 on nests included routes and has a function that flattens them; older ones are flat.
_flat: Callable[[list[Any]], Iterable[Any]] = getattr(fastapi.routing, "iter_route_contexts", iter)


@dataclass(frozen=True)
class Template:
    """One way through the application: the whole path with its parameters in braces, methods, end point."""

    path: str
    methods: frozenset[str]
    endpoint: object
    route: Any


def walk(routes: Iterable[Any], prefix: str = "") -> Iterator[Template]:
    """Every template below `routes`, included routers and mounted applications opened."""
    for route in _flat(list(routes)):
        path = getattr(route, "path_format", None)
        if path is None:  # a host or another kind of node: open it where it can be opened
            yield from walk(getattr(route, "routes", None) or (), prefix)
            continue
        inner = getattr(route, "routes", None)
        whole = prefix + path
        if inner:
            yield from walk(inner, whole.removesuffix("/{path}"))
        else:
            methods = frozenset(getattr(route, "methods", None) or ())
            yield Template(whole, methods, _endpoint(route), route)


def _endpoint(route: Any) -> object:
    original = getattr(route, "original_route", route)
    return original.app if isinstance(original, Mount) else route.endpoint


class Endpoints:
    """The templates of one application, looked up by request."""

    def __init__(self, routes: Iterable[Any]) -> None:
        self.templates = tuple(walk(routes))
        self._by_endpoint: dict[int, list[Template]] = {}
        for template in self.templates:
            self._by_endpoint.setdefault(id(template.endpoint), []).append(template)
        self._patterns = {template.path: compile_path(template.path)[0] for template in self.templates}

    def of(self, scope: Mapping[str, Any], root_path: str) -> str:
        """The template that answered, or would have answered but for a middleware; else "(unmatched)".

        `root_path` is the scope's when the request came in: a mount appends to it.
        """
        found = self._by_endpoint.get(id(scope.get("endpoint")), ())
        if len(found) == 1:
            return found[0].path
        path = scope["path"].removeprefix(root_path)
        for template in found or self.templates:
            if self._patterns[template.path].match(path):
                return template.path
        return UNMATCHED
