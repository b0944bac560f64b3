"""One run, from a temporary folder to the numbers; at any end, everything is stopped and removed."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from scripts.stack.errors import StackError
from soak.crowd import Crowd
from soak.disk import Disk, NoDiskError
from soak.disturbances import Disturbance, Site, round_for, schedule
from soak.laws import Numbers
from soak.programs import Programs
from soak.settle import settled
from soak.watch import Watch

Say = Callable[[str], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SetUpError(Exception):
    """The run cannot begin: names the missing part."""


class BrokenOffError(Exception):
    """The run could not finish: names the part that did not come back or answer."""


def soak(seconds: float, workers: int, say: Say) -> tuple[Numbers, list[str]]:
    """The numbers of a run, and what was left out of it. SetUpError where it cannot begin."""
    notes: list[str] = []
    with _signals_as_before(), ExitStack() as stack:
        try:
            site = _site(stack, workers, notes, say)
            return _numbers(site, seconds, say), notes
        except (AssertionError, StackError, httpx.HTTPError) as error:
            raise BrokenOffError(str(error)) from error
        finally:
            _ignore_signals()


def _site(stack: ExitStack, workers: int, notes: list[str], say: Say) -> Site:
    """Everything, running, until the stack ends."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reviewlens-soak-")))
    disk = _disk(folder, stack, notes)
    try:
        programs = Programs(workers, folder, (disk.place if disk else folder) / "state")
        stack.callback(programs.stop)
        say("starting simulator, collector, service and Prometheus")
        programs.start()
    except (AssertionError, StackError) as error:
        raise SetUpError(str(error)) from error
    return Site(programs, Crowd(programs.service.url), disk)


def _numbers(site: Site, seconds: float, say: Say) -> Numbers:
    crowd = site.crowd
    watch = Watch(site.programs.service, crowd.account)
    kinds = round_for(site)
    began = time.monotonic()
    try:
        crowd.comes()
        watch.begins()
        for number, (at, kind) in enumerate(_turns(schedule(seconds, len(kinds)), kinds)):
            _sleep_until(began + at)
            _disturb(site, kind, number // len(kinds), began, say)
        _sleep_until(began + seconds)
        say(f"{_since(began)}  traffic ends")
        crowd.goes()
        watch.ends()
        crowd.check()
        watch.check()
        say(f"{_since(began)}  everybody who counted is asked")
        return settled(site, watch, time.monotonic() - began)
    finally:
        crowd.goes(5)
        watch.ends()


def _turns(times: Sequence[float], kinds: Sequence[Disturbance]) -> Iterator[tuple[float, Disturbance]]:
    return ((at, kinds[number % len(kinds)]) for number, at in enumerate(times))


def _disturb(site: Site, kind: Disturbance, before: int, began: float, say: Say) -> None:
    say(f"{_since(began)}  {kind.what}: {kind.tells}")
    with site.noted(kind.what):
        kind.does(site, before)


def _disk(folder: Path, stack: ExitStack, notes: list[str]) -> Disk | None:
    disk = Disk(folder / "disk")
    try:
        disk.mount()
    except NoDiskError as error:
        notes.append(f"left out, the full disk: {error}")
        return None
    stack.callback(disk.unmount)
    return disk


@contextmanager
def _signals_as_before() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _ignore_signals() -> None:
    """A second Ctrl-C interrupts no clean-up."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _since(began: float) -> str:
    return f"{time.monotonic() - began:6.1f} s"
