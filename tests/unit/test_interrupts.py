"""A test that stops a process by SIGINT does so in a background job too."""

from __future__ import annotations

import signal
import subprocess

from support.interrupts import let_children_hear


def test_a_child_hears_sigint_where_pytest_was_started_without_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        let_children_hear()
        with subprocess.Popen(["sleep", "20"]) as child:
            child.send_signal(signal.SIGINT)
            assert child.wait(timeout=30) == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)
