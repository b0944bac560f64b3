"""The port that this process serves, as far as it can be known before the first request."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import NamedTuple


class _Command(NamedTuple):
    """A server that opens its port only after the application has started: its variable, and its default."""

    variable: str
    default: str = "8000"


COMMANDS = {"uvicorn": _Command("UVICORN_PORT"), "fastapi": _Command("PORT")}
_SERVERS = {*COMMANDS, "gunicorn", "hypercorn", "granian"}
_ELSEWHERE = ("--uds", "--fd")


def configured_port(environ: Mapping[str, str], words: Sequence[str] | None = None) -> int | None:
    """The port by REVIEWLENS_PORT, else by the command line. What an orchestrator injects under that name,
    such as tcp://10.0.0.1:8000, is none."""
    words = getattr(sys, "argv", []) if words is None else words
    return _number(environ.get("REVIEWLENS_PORT", "")) or _by_command(environ, words)


def served_port(environ: Mapping[str, str]) -> int | None:
    """The same, else the lowest port of a socket that a server has opened or handed down."""
    own = _number(environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", ""))
    return configured_port(environ) or min(bound_ports() - {own or 0}, default=None)


def is_server() -> bool:
    """Whether the command is one of the servers': it serves by itself, or starts workers."""
    return _command(getattr(sys, "argv", [])) in _SERVERS


def _command(words: Sequence[str]) -> str:
    path = PurePath(words[0] if words else "")
    return path.parent.name if path.stem == "__main__" else path.stem


def _by_command(environ: Mapping[str, str], words: Sequence[str]) -> int | None:
    command = COMMANDS.get(_command(words))
    if command is None or any(word.partition("=")[0] in _ELSEWHERE for word in words):
        return None
    given = environ.get(command.variable) or command.default
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option == "--port":
            given = value if equals else following
    return _number(given)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and 0 < int(text) < 65_536 else None


def bound_ports() -> set[int]:
    """The TCP ports that sockets of this process are bound to without a peer: who listens, or soon will."""
    try:
        files = [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208
    except OSError:
        return set()
    ports: set[int] = set()
    for file in files:
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(file).st_mode):
                with socket.socket(fileno=os.dup(file)) as opened:
                    ports.add(_port(opened))
    return ports - {0}


def _port(opened: socket.socket) -> int:
    if opened.type != socket.SOCK_STREAM or opened.family not in (socket.AF_INET, socket.AF_INET6):
        return 0
    try:
        opened.getpeername()
    except OSError:
        return int(opened.getsockname()[1])
    return 0
