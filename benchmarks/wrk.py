"""Requests over loopback by wrk: from PATH, the cache, or its Debian package (scripts/binaries.yaml)."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from benchmarks.part import LeftOutError
from scripts.stack.binaries import obtain
from scripts.stack.errors import StackError

_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)
_P99 = re.compile(r"^\s+99%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
_FAILED = re.compile(r"^\s*(Non-2xx.*|Socket errors: .*[1-9].*)$", re.MULTILINE)
_AS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@cache
def _program() -> Path:
    try:
        return obtain("wrk")
    except StackError as error:
        raise LeftOutError(str(error)) from error


def _burst(url: str, connections: int, seconds: int) -> str:
    command = [str(_program()), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    failed = _FAILED.search(done.stdout)
    if done.returncode or failed:
        raise LeftOutError(
            f"wrk {url}: {failed[1] if failed else done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout


def _found(pattern: re.Pattern[str], said: str) -> re.Match[str]:
    found = pattern.search(said)
    if found is None:
        raise LeftOutError(f"wrk says no {pattern.pattern!r}: {said}")
    return found


def rate(url: str, connections: int, seconds: int) -> float:
    """Requests a second, each answered with success."""
    return float(_found(_RATE, _burst(url, connections, seconds))[1])


def p99(url: str, connections: int, seconds: int) -> float:
    """Milliseconds within which 99 of 100 requests were answered."""
    amount, unit = _found(_P99, _burst(url, connections, seconds)).groups()
    return float(amount) * _AS_MS[unit]
