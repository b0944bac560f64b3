"""Whether the client has left, where the server knows and an end point that reads nothing more never asks.

ASGI tells of it to who calls receive() once the body is read, which a plain end point does not do. uvicorn
and Hypercorn note it on the object whose method `send` is, so a look at that object tells, and no message is
taken from the application. Granian and servers without such an object tell by receive() alone.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

HasLeft = Callable[[Any], bool]

# Package of the server -> the attribute that turns true when the client leaves.
_TOLD_BY = {"uvicorn": "disconnected", "hypercorn": "closed"}

# Written in C, as attrgetter is: each request calls it.
_nobody_tells: HasLeft = frozenset[Any]().__contains__


def of_server(send: Any) -> HasLeft:
    """What tells of a `send` like this one whether its client has left; AttributeError of one unlike it."""
    owner: Any = getattr(send, "__self__", None)
    name = _TOLD_BY.get(type(owner).__module__.partition(".")[0])
    return attrgetter(f"__self__.{name}") if name and hasattr(owner, name) else _nobody_tells
