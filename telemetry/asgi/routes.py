"""Which route template answered a request. Templates keep the series few where paths are many.

The template is looked up by the endpoint function that routing left in the scope, which every version of
Starlette and FastAPI does; its path, prefix and mounts come from walking the routes. What was answered before
routing, or has no end point, is looked up by method and path, in the order in which routing would.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from starlette.routing import Host, Mount, WebSocketRoute, compile_path

from telemetry.asgi.routelists import flat, inside
from telemetry.builtin import METHODS, UNMATCHED
from telemetry.record.schema import OTHER

_PARAMETER = re.compile(r"{([a-zA-Z_]\w*)(:[a-zA-Z_]\w*)?}")
_NEVER = re.compile("(?!)")
_METHODS = frozenset(METHODS)


@dataclass(frozen=True)
class Template:
    """One way through the application: the whole path with its parameters in braces, what it matches,
    its methods (none: all) and end point. `inner`: those of a mounted application, which alone decide once
    its path fits. `is_last`: taken only where nothing else takes the path, not even with a slash more."""

    path: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    endpoint: object
    route: Any
    inner: tuple[Template, ...] = ()
    is_last: bool = False

    def leaves(self) -> Iterator[Template]:
        """The templates that answer: itself, or those of the mounted application."""
        for template in self.inner:
            yield from template.leaves()
        if not self.inner:
            yield self


def walk(router: Any, prefix: str = "") -> Iterator[Template]:
    """Every template of HTTP below a router in the order of routing, included routers and hosts opened."""
    for route in flat(list(router.routes)):
        yield from _opened(route, prefix)
    yield from _frontends(router, prefix)


def _opened(route: Any, prefix: str) -> Iterator[Template]:
    original = getattr(route, "original_route", route)
    path = prefix + (getattr(route, "path", None) or "")
    below = inside(route)
    inner = tuple(walk(below, path)) if below is not None else ()
    if isinstance(original, Mount):
        yield _template(path + "/{path:path}", route.app, route, inner)
    elif inner:
        yield from inner
    elif isinstance(original, Host):
        # Its application alone knows: a path says nothing of hosts.
        yield Template(path + "/{path}", _NEVER, frozenset(), route.app, route)
    elif hasattr(original, "endpoint") and not isinstance(original, WebSocketRoute):
        yield _template(path, route.endpoint, route)


def _template(path: str, endpoint: object, route: Any, inner: tuple[Template, ...] = ()) -> Template:
    number = count()
    # A mount and a route in it may use the same name; a pattern may not.
    renamed = _PARAMETER.sub(lambda found: f"{{p{next(number)}{found[2] or ''}}}", path)
    methods = frozenset(getattr(route, "methods", None) or ())
    return Template(_PARAMETER.sub(r"{\1}", path), compile_path(renamed)[0], methods, endpoint, route, inner)


def _frontends(router: Any, prefix: str) -> Iterator[Template]:
    """What app.frontend() of newer FastAPI versions serves: the most specific first, as there."""
    found = [
        (prefix + getattr(group, "frontend_prefix", "") + route.path.rstrip("/"), route)
        for group in getattr(router, "_iter_low_priority_routes", tuple)()
        for route in getattr(getattr(group, "original_route", group), "routes", ())
    ]
    for path, route in sorted(found, key=lambda one: -len(one[0])):
        pattern = re.compile(f"^{re.escape(path)}(/.*)?$", re.DOTALL)
        yield Template(path + "/{path}", pattern, frozenset(route.methods), route.app, route, is_last=True)


class Endpoints:
    """The templates of one application, looked up by request."""

    def __init__(self, router: Any) -> None:
        self._tree = tuple(walk(router))
        self.templates = tuple(leaf for template in self._tree for leaf in template.leaves())
        self._passes = sorted({template.is_last for template in self.templates} | {False})
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
        among = self._by_endpoint.get(id(scope.get("endpoint")), ())
        if len(among) == 1:
            return among[0].path
        method, path = scope["method"], route_path(scope["path"], root_path)
        ways = (path, _slashed(path)) if redirected else (path,)
        for is_last in self._passes:
            for way in ways:
                found = _first(among or self._tree, method, way, is_last)
                # Into a mounted application and no further: that is where a redirect to it is sent.
                if found and (not found.inner or way != path):
                    return found.path
        return UNMATCHED


def _first(templates: Iterable[Template], method: str, path: str, is_last: bool) -> Template | None:
    """As routing chooses: the first that takes path and method, or else the first that takes the path."""
    partial = None
    for template in templates:
        if template.is_last > is_last or not template.pattern.match(path):
            continue
        if template.inner:
            return _first(template.inner, method, path, is_last) or template
        if not template.methods or method in template.methods:
            return template
        partial = partial or template
    return partial


def _slashed(path: str) -> str:
    """The path with a slash at its end, or without the one that it has."""
    return path.rstrip("/") if path.endswith("/") else path + "/"


def route_path(path: str, root_path: str) -> str:
    """The path below `root_path`, as routing sees it; the path itself, where a proxy took the rest off."""
    below = path.removeprefix(root_path)
    return below if below.startswith("/") else path


def method_label(method: str) -> str:
    """The method as a label says it: one of the standard's, or "(other)"."""
    return method if method in _METHODS else OTHER
