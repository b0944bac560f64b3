"""Fork while another thread holds a lock of telemetry's, one after the other; print which children hung.
A child that hangs writes where.

Each child records in every kind of metric, and renders the page in both formats.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import telemetry
from telemetry import pipeline
from telemetry.guard import guard
from telemetry.metrics import active_evidence_gauge, http_request_duration_seconds, http_requests_total

LOCKS = (type(threading.Lock()), type(threading.RLock()))
SECONDS = 5


def locks() -> Iterator[tuple[str, Any]]:
    """Every lock that an object of telemetry's keeps, by class and attribute."""
    for one in gc.get_objects():
        if str(type(one).__module__).startswith("telemetry"):
            slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            for name in (*getattr(one, "__dict__", ()), *slots):
                if isinstance(lock := getattr(one, name, None), LOCKS):
                    yield f"{type(one).__name__}.{name}", lock


def use(path: str) -> None:
    """Record, and render."""
    http_requests_total.labels("GET", path, "200").inc()
    http_request_duration_seconds.labels("GET", path).observe(0.1)
    active_evidence_gauge.labels("chair", path).set(1)
    guard.report("record", "a fault on %s", path)
    exposition = telemetry.start().exposition
    assert exposition is not None
    for accept in ("", "application/openmetrics-text"):
        assert f'endpoint="{path}"' in exposition.render(accept)[0].decode()


def hangs(lock: Any) -> bool:
    """Whether a child that is forked while a thread holds the lock is not done in time."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        use("/child")
        os._exit(0)
    killer = threading.Timer(SECONDS, os.kill, (child, signal.SIGABRT))
    killer.start()
    status = os.waitpid(child, 0)[1]
    killer.cancel()
    done.set()
    holder.join()
    return status != 0


def main() -> None:
    faulthandler.enable()
    telemetry.start()
    use("/parent")
    found = list(locks())
    sys.stdout.write(" ".join(name for name, _ in found) + "\n")
    sys.stdout.write(" ".join(name for name, lock in found if hangs(lock)) + "\n")
    pipeline.shutdown()


if __name__ == "__main__":
    main()
