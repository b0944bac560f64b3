"""Keeps a layer of ours outside an application's whole stack, whoever builds the stack and however often.

Instrumentations wrap `app.build_middleware_stack`, each around those that came before, or build the stack
again themselves. The place that is outermost in any order is where the built stack is stored: the class of
the application becomes a subclass that puts the layer around each stack on its way to `app.middleware_stack`.
Reading it, as each request does, costs what it did.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

_LAYER = "_telemetry_layer"


def keep(app: FastAPI, layer: Callable[[ASGIApp], ASGIApp]) -> None:
    """Put `layer` around every stack that the application is given from now on. A class that refuses to have
    subclasses gets it around what it builds itself, inside of what is wrapped around that later."""
    kind: Any = type(app)
    setattr(app, _LAYER, layer)
    try:
        app.__class__ = _layered(kind)
    except Exception:  # whatever its __init_subclass__ raises
        build = app.build_middleware_stack
        app.build_middleware_stack = lambda: layer(build())  # type: ignore[method-assign]


@functools.cache
def _layered(kind: Any) -> type[Any]:
    """The subclass, known by the name of the class, as it is that class to everyone else."""

    def set_attribute(app: Any, name: str, value: Any) -> None:
        if name == "middleware_stack" and value is not None:
            value = getattr(app, _LAYER)(value)
        kind.__setattr__(app, name, value)

    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), {**names, "__setattr__": set_attribute})
