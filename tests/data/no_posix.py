"""An application where Python has only what it has on every system: modules and functions of POSIX are gone
before telemetry is imported."""

import os
import sys

assert not [name for name in sys.modules if name.partition(".")[0] == "telemetry"]

MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
sys.modules.update(dict.fromkeys(MODULES))  # type: ignore[arg-type] # importing them raises ImportError
FUNCTIONS = ("chown", "fchmod", "fork", "getegid", "geteuid", "getgid", "getuid", "pread", "pwrite")
FLAGS = ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK")
for name in (*FUNCTIONS, *FLAGS, "register_at_fork"):
    delattr(os, name)
# A process list and /proc are no more than POSIX is.
os.environ["PATH"] = ""

from data.counted_app import app  # noqa: E402

__all__ = ["app"]
