"""Where ours is on an application: at /metrics, unless the application has that itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from fastapi import FastAPI
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Scope

from telemetry.asgi.routes import Endpoints, Template, route_path
from telemetry.settings import Settings

MOVED_PATH = "/telemetry/metrics"
GATES = (TrustedHostMiddleware, HTTPSRedirectMiddleware)
"""Middleware of an application that holds for its metrics too: it looks at the request alone, so that it can
neither fail nor keep a scrape waiting."""

_log = logging.getLogger("telemetry")


class MetricsPlace:
    """The path of ours on one application."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._has_said = False
        self._move(settings.metrics_path)

    def look(self, templates: Iterable[Template]) -> None:
        """Make room for a route, mount or router of the application's own, whenever it comes."""
        wanted = self._settings.metrics_path
        if not is_taken(wanted, templates):
            self._move(wanted)
        elif self._settings.listens:
            self._move(None)
        elif self._settings.chose_path:
            if not self._has_said:
                self._has_said = True
                _log.warning(
                    "%s of the application is hidden: TELEMETRY_METRICS_PATH puts ours there", wanted
                )
        elif self.path != MOVED_PATH:
            self._move(MOVED_PATH)
            _log.warning(
                "the application has %s itself: ours are at %s; TELEMETRY_METRICS_PATH names another path, "
                "TELEMETRY_PROMETHEUS_CLIENT=true shows prometheus_client's metrics among ours",
                wanted,
                MOVED_PATH,
            )

    def _move(self, path: str | None) -> None:
        """None: nowhere, for what is on a port of its own needs no path of an application's."""
        self.path = path
        self.endings = (path, f"{path}/") if path else ()

    def is_asked(self, scope: Scope) -> bool:
        """Whether a request is for ours, with or without a slash at its end."""
        return route_path(scope["path"], scope.get("root_path", "")) in self.endings


def is_taken(path: str, templates: Iterable[Template]) -> bool:
    """Whether an application answers this path by a route or mount of that name; one that takes every path
    is not meant."""
    return any(
        template.path.startswith(path) and any(map(template.pattern.match, (path, f"{path}/")))
        for template in templates
    )


def is_answered(app: FastAPI, path: str) -> bool:
    """Whether any route of an application takes this path, with a slash at its end or without."""
    templates = Endpoints(app.router).templates
    return any(template.pattern.match(way) for template in templates for way in (path, f"{path}/"))


def gated(app: FastAPI, metrics: ASGIApp) -> ASGIApp:
    """The metrics behind what the application lets requests through by."""
    for middleware in reversed(app.user_middleware):
        if middleware.cls in GATES:  # type: ignore[comparison-overlap]
            metrics = middleware.cls(metrics, *middleware.args, **middleware.kwargs)
    return metrics
