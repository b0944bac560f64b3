"""Ctrl-C for what tests start: a shell's background job ignores SIGINT, and its children would too."""

from __future__ import annotations

import signal


def let_children_hear() -> None:
    """Where SIGINT is ignored, heed it, so that processes from now on begin with its default."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
