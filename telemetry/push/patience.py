"""Work on exporters that is waited for, but no longer than so many seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable

from telemetry.guard import guard


def at_most(seconds: float, work: Callable[[], None]) -> bool:
    """Do the work, and go on without it after `seconds`: exporters retry for longer than they were told.
    Whether it came to its end."""
    faults: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            faults.append(error)

    worker = threading.Thread(target=run, name="telemetry-push", daemon=True)
    try:
        worker.start()
    except RuntimeError:
        # Python 3.12.0 and 3.12.1 start no thread while the interpreter ends, later ones do. The
        # SDK's own timeouts must do there: what we tell it for metrics, 30 s for spans.
        run()
    else:
        worker.join(seconds)
    if faults:
        try:
            raise faults[0]
        except Exception:
            guard.fault("export")
    return not worker.is_alive()
