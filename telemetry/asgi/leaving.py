"""Whether the client has left, where the server knows and an end point that reads nothing more never asks.

ASGI tells of it to who calls receive() once the body is read, which a plain end point does not do. uvicorn
and Hypercorn note it on the object whose method `send` is, so a look at that object tells, and no message is
taken from the application. Granian and servers without such an object tell by receive() alone.

A body that breaks HTTP's rules is answered by the server itself, with 400, and the application is told that
its client has left. Only the state of the server's parser tells these two apart.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import h11

HasLeft = Callable[[Any], bool]

CLIENT_CLOSED = 499
REFUSED = 400

# Package of the server -> the attribute that turns true when the client leaves.
_TOLD_BY = {"uvicorn": "disconnected", "hypercorn": "closed"}
# And where its parser, h11, has the client's state.
_STATE_IN = {"uvicorn": "conn.their_state", "hypercorn": "send.__self__.connection.their_state"}

# Written in C, as attrgetter is: each request calls it.
_nobody_tells: HasLeft = frozenset[Any]().__contains__


def of_server(send: Any) -> HasLeft:
    """What tells of a `send` like this one whether its client has left; AttributeError of one unlike it."""
    owner: Any = getattr(send, "__self__", None)
    name = _TOLD_BY.get(_package(owner))
    return attrgetter(f"__self__.{name}") if name and hasattr(owner, name) else _nobody_tells


def status(send: Any) -> int:
    """The status of a request whose client was gone before the application answered: 400 where the server had
    refused its body, else 499."""
    owner: Any = getattr(send, "__self__", None)
    try:
        return REFUSED if attrgetter(_STATE_IN[_package(owner)])(owner) is h11.ERROR else CLIENT_CLOSED
    except (KeyError, AttributeError):  # another server, parser or version of HTTP
        return CLIENT_CLOSED


def _package(owner: object) -> str:
    return type(owner).__module__.partition(".")[0]
