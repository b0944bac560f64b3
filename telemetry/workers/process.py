"""Which process this is: who started it to share the work, and when a process began."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FORKED = 0x40
"""PF_FORKNOEXEC of Linux: the process was forked and runs no other program since."""
SPAWNED = "--multiprocessing-fork"
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


def parent(environ: Mapping[str, str]) -> int | None:
    """The process that started this one to share its work: by multiprocessing, or by a fork. None where this
    one stands alone, or only its program was started by another."""
    started_by = multiprocessing.parent_process()
    if started_by is not None:
        return started_by.pid
    if SPAWNED in sys.orig_argv:  # multiprocessing has yet to say so, while the interpreter starts
        return os.getppid()
    return os.getppid() if _is_forked(environ) else None


def is_helper() -> bool:
    """Whether this is a process that multiprocessing keeps for itself, which runs no code of the user's."""
    return any(f"from {helper} import" in word for word in sys.orig_argv for helper in _HELPERS)


def is_of_gunicorn(environ: Mapping[str, str]) -> bool:
    """Whether gunicorn runs here, as its arbiter or as a worker."""
    return environ.get("SERVER_SOFTWARE", "").startswith("gunicorn")


def replaces_another(environ: Mapping[str, str]) -> bool:
    """Whether this is of a gunicorn that was started by USR2, while the one that it replaces lives."""
    before = environ.get("GUNICORN_PID", "")
    return is_of_gunicorn(environ) and before.isdecimal() and exists(int(before))


def _is_forked(environ: Mapping[str, str]) -> bool:
    """Whether the parent forked this process and is its like: a process that became a daemon has been forked
    too, by one that has ended."""
    flags = _fields(os.getpid())[6:7]
    if not flags or flags == ["0"]:  # no /proc, or a sandbox that fills it in by half
        return is_of_gunicorn(environ)
    return bool(int(flags[0]) & FORKED) and _runs_the_same(os.getppid(), environ)


def _runs_the_same(other: int, environ: Mapping[str, str]) -> bool:
    try:
        return Path(f"/proc/{other}/exe").readlink() == Path("/proc/self/exe").readlink()
    except PermissionError:  # a worker that has left the user of its arbiter
        return is_of_gunicorn(environ)
    except OSError:
        return False


def exists(pid: int) -> bool:
    """Whether a process is there, of whichever user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def began(pid: int) -> str:
    """When a process began, in a form that a clock that is set does not change; "" where none can be told."""
    if not Path("/proc/self/stat").exists():
        return _began_by_ps(pid)
    fields = _fields(pid)
    return f"{_boot()}.{fields[19]}" if fields else ""


def _fields(pid: int) -> list[str]:
    """What Linux tells of a process after its name, which may hold blanks and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return []


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:  # not in every container
        return ""


def _began_by_ps(pid: int) -> str:
    words = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        shown = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return ".".join(shown.stdout.split()).replace(":", ".")
