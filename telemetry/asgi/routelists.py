"""The lists of routes below a router, and whether any of them is another than when they were last read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import fastapi.routing
from starlette.routing import Host, Mount

# FastAPI from 0.137 on nests included routes and has a function that flattens them; older ones are flat.
flat: Callable[[Iterable[Any]], Iterable[Any]] = getattr(fastapi.routing, "iter_route_contexts", iter)


class RouteLists:
    """Those of a router, of what it includes and of what is mounted in it, however deep, as they are now.

    `router.routes is not root or live != known` says whether routes have come, gone or changed places. It is
    a comparison by identity that runs in C, so each request can afford it. changed() sees a list in another's
    place deeper down as well.
    """

    def __init__(self, router: Any = None) -> None:
        found: dict[int, Any] = {}
        if router is not None:
            _collect(router, found)
        self._holders = tuple(found.values())
        self.live = [holder.routes for holder in self._holders]
        self.known = [list(routes) if isinstance(routes, list) else routes for routes in self.live]
        self.root = self.live[0] if found else None

    def changed(self) -> bool:
        """Whether to read them again; always true of no router's."""
        return self.root is None or [holder.routes for holder in self._holders] != self.known


def _collect(holder: Any, found: dict[int, Any]) -> None:
    if id(holder) in found:
        return
    found[id(holder)] = holder
    if (late := getattr(holder, "_low_priority_routes", None)) is not None:
        # Where FastAPI keeps the routes of app.frontend().
        found[id(late)] = SimpleNamespace(routes=late)
    for route in (*holder.routes, *(late or ())):
        for below in _below(route):
            _collect(below, found)


def _below(route: Any) -> Iterator[Any]:
    if (included := getattr(route, "original_router", None)) is not None:
        yield included
    elif (below := inside(route)) is not None:
        yield below


def inside(route: Any) -> Any:
    """What has the routes that a mounted application, a host or a group of routes leads to; else None."""
    holder = route
    if isinstance(getattr(route, "original_route", route), Mount | Host):
        # Below a mount's own middleware.
        app = getattr(route, "_base_app", route.app)
        holder = getattr(app, "router", app)
    return holder if isinstance(getattr(holder, "routes", None), Sequence) else None
