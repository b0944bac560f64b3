"""Workers whose supervisor was killed: nothing stops them any more, and they would hold the port for ever."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading

_log = logging.getLogger("reviewlens")


def end_with_parent() -> None:
    """From now on, stop this worker as SIGTERM does once the process that started it is gone.

    Changes nothing in a process that multiprocessing did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()  # the system ends the wait, however the parent ends
        _log.warning("process %s, which started this worker, is gone: stopping", parent.pid)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, name="parent", daemon=True).start()
