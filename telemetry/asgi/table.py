"""The routes of one application, walked here alone: for metrics, for spans, and for the path of /metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from telemetry.asgi.routelists import RouteLists, flat
from telemetry.asgi.routes import Endpoints


class Routed(Protocol):
    """What has the routes: an application's router, or anything like it."""

    @property
    def routes(self) -> Sequence[Any]: ...


class RouteTable:
    """`lists`: as they were when the routes were walked last. `endpoints`: by what answers a request, mounted
    applications opened; `first`: the routes that a request meets first, in the order of routing."""

    def __init__(self, router: Routed) -> None:
        self.router = router
        self.lists = RouteLists()
        self.endpoints: Endpoints
        self.first: tuple[Any, ...] = ()
        self._after: list[Callable[[], None]] = []

    def after_walk(self, call: Callable[[], None]) -> None:
        """Call it whenever the routes have been walked anew."""
        self._after.append(call)

    def look(self) -> None:
        """Walk the routes, when some have come or gone since the last time that anyone looked."""
        if self.lists.changed():
            lists = RouteLists(self.router)  # first: one that comes during the walk is seen the next time
            self.endpoints = Endpoints(self.router)
            self.first = tuple(flat(list(self.router.routes)))
            self.lists = lists
            for call in self._after:
                call()
