"""Which route template answered a request. Templates keep the series few where paths are many.

The template is looked up by the endpoint function that routing left in the scope, which every version of
Starlette and FastAPI does; its path, prefix and mounts come from walking the routes once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import fastapi.routing
from starlette.routing import Mount, WebSocketRoute, compile_path

from telemetry.catalog import UNMATCHED

# FastAPI from 0.137 on nests included routes and has a function that flattens them; older ones are flat.
_flat: Callable[[list[Any]], Iterable[Any]] = getattr(fastapi.routing, "iter_route_contexts", iter)

_PARAMETER = re.compile(r"{([a-zA-Z_]\w*)(:[a-zA-Z_]\w*)?}")


@dataclass(frozen=True)
class Template:
    """One way through the application: the whole path with its parameters in braces, what it matches,
    its methods and end point."""

    path: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    endpoint: object
    route: Any


def walk(routes: Iterable[Any], prefix: str = "") -> Iterator[Template]:
    """Every template of HTTP below `routes`, included routers, mounted applications and hosts opened."""
    for route in _flat(list(routes)):
        original = getattr(route, "original_route", route)
        path = prefix + (getattr(route, "path", None) or "")
        inner = getattr(route, "routes", None)
        if inner:
            yield from walk(inner, path)
        elif isinstance(original, Mount):
            yield _template(path + "/{path:path}", original.app, route)
        elif hasattr(original, "endpoint") and not isinstance(original, WebSocketRoute):
            yield _template(path, route.endpoint, route)


def _template(path: str, endpoint: object, route: Any) -> Template:
    number = count()
    # A mount and a route in it may use the same name; a pattern may not.
    renamed = _PARAMETER.sub(lambda found: f"{{p{next(number)}{found[2] or ''}}}", path)
    methods = frozenset(getattr(route, "methods", None) or ())
    return Template(_PARAMETER.sub(r"{\1}", path), compile_path(renamed)[0], methods, endpoint, route)


class Endpoints:
    """The templates of one application, looked up by request."""

    def __init__(self, routes: Iterable[Any]) -> None:
        self.templates = tuple(walk(routes))
        self._by_endpoint: dict[int, list[Template]] = {}
        for template in self.templates:
            self._by_endpoint.setdefault(id(template.endpoint), []).append(template)

    def is_one(self, scope: Mapping[str, Any]) -> bool:
        """Whether the end point that answered has one template, so that it alone decides."""
        return len(self._by_endpoint.get(id(scope.get("endpoint")), ())) == 1

    def of(self, scope: Mapping[str, Any], root_path: str, redirected: bool = False) -> str:
        """The template that answered, or would have answered but for a middleware; else "(unmatched)".

        `root_path` is the scope's when the request came in: a mount appends to it. `redirected`: routing may
        have sent the client to the same path with a slash more or less; that is the template then.
        """
        found = self._by_endpoint.get(id(scope.get("endpoint")), ())
        if len(found) == 1:
            return found[0].path
        path = route_path(scope["path"], root_path)
        for way in (path, _slashed(path)) if redirected else (path,):
            for template in found or self.templates:
                if template.pattern.match(way):
                    return template.path
        return UNMATCHED


def _slashed(path: str) -> str:
    """The path with a slash at its end, or without the one that it has."""
    return path.rstrip("/") if path.endswith("/") else path + "/"


def route_path(path: str, root_path: str) -> str:
    """The path below `root_path`, as routing sees it; the path itself, where a proxy took the rest off."""
    below = path.removeprefix(root_path)
    return below if below.startswith("/") else path
