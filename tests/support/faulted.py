"""The application of tests/data/faulty_app.py on a real uvicorn, and the faults switched on in it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from support.fault_rows import Row
from support.gate import Gate, gate
from support.keptalive import Answer, KeptAlive
from support.otlp_sink import Sink, otlp_sink
from support.servers import ROOT, Server, free_port, run, wait_for

from scripts import oldest

PYTHONS: dict[str, Callable[[], Path]] = {"newest": lambda: Path(sys.executable), "oldest": oldest.python}
Numbers = Counter[tuple[str, frozenset[tuple[str, str]]]]

SCRIPT = (
    *(
        ("GET", f"/{path}/7")
        for path in ("items", "missing", "broken", "stream", "nowhere", "threads", "slow")
    ),
    ("GET", "/items/x"),
    ("POST", "/record/7"),
    ("GET", "/items/8"),
)
"""On a connection that stays; then a request that makes label sets that are new each time."""
STATE = "state"
LONG = "long"
BESIDES = ("/pid", "/grow", "/long/{item}")
DISK = "4m"
CRASH = (("GET", "/crash/7"),)
"""After its answer the server ends the connection."""
_LINE = re.compile(
    r"^@(\d+)\|(?:opentelemetry|telemetry)[\w.]*\|(?:WARNING|ERROR|CRITICAL)\|(.*)$", re.MULTILINE
)
_LOOSE = re.compile(r"Exception in thread|never retrieved|^@\d+\|asyncio\|ERROR", re.MULTILINE)


class Switch:
    """The way into one process: faults on, faults off."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._file: Any = self._socket.makefile("rb")

    def say(self, do: str, **more: str) -> dict[str, Any]:
        """An order and its answer. AssertionError where the process says what is wrong with it."""
        self._socket.sendall(json.dumps({"do": do, **more}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._file.readline())
        assert "error" not in answer, answer["error"]
        return answer


class Faulted:
    """The running application: a connection to each of its workers, and how it answers when all is well."""

    def __init__(
        self, server: Server, workers: int, folder: Path, sink: Sink | None, way: Gate | None
    ) -> None:
        self.server, self.sink, self.way = server, sink, way
        self._state, self._sets = folder / STATE, count()
        self._filled: dict[KeptAlive, Counter[str]] = {}
        wait_for("every worker", lambda: len(list(folder.glob("*.sock"))) == workers, 60)
        self._switches = [Switch(path) for path in sorted(folder.glob("*.sock"))]
        self._workers = workers
        self._undo: Callable[[], int] = lambda: 0
        self.connect()
        self.play()  # what a first request brings along is no measure
        self.without_crash = self._undisturbed(crash=False)[2]
        self.normal, self.normal_seconds, self.each = self._undisturbed()

    def connect(self) -> None:
        """A connection to each worker, and one to scrape; new ones, where there were some."""
        self._connections = self._one_to_each(self._workers)
        self._scraped = KeptAlive(self.server.port, 60)

    def _one_to_each(self, workers: int) -> list[KeptAlive]:
        there: dict[bytes, KeptAlive] = {}
        others = []
        for _ in range(300):
            connection = KeptAlive(self.server.port)
            others.append(connection)
            there.setdefault(connection.ask([("GET", "/pid")])[0].body, connection)
            if len(there) == workers:
                break
        assert len(there) == workers, f"300 connections led to {len(there)} of {workers} workers"
        for connection in others:
            if connection not in there.values():
                connection.close()
        return list(there.values())

    def _undisturbed(self, crash: bool = True) -> tuple[list[Answer], float, Numbers]:
        before = self.numbers()
        answers, seconds = self.play(crash)
        each = difference(self.numbers(), before)
        answered = sum(n for (name, _), n in each.items() if name == "http_requests_total")
        assert answered == len(answers), "each request is counted once when all is well"
        return answers, seconds, each

    def play(self, crash: bool = True) -> tuple[list[Answer], float]:
        """The script on every connection, one after the other; the answers, and the seconds it took."""
        began, answers = time.perf_counter(), []
        for connection in self._connections:
            answers += connection.ask([*SCRIPT, ("POST", f"/new/7?number={next(self._sets)}")])
        if crash:
            once = KeptAlive(self.server.port)
            answers += once.ask(CRASH)
            once.close()
        return answers, time.perf_counter() - began

    def ask(self, path: str) -> None:
        """One request more on each connection; it is not among the numbers."""
        assert {connection.ask([("POST", path)])[0].status for connection in self._connections} == {200}

    def fill(self) -> None:
        """Label sets that need more than what a file has."""
        for connection in self._connections:
            names = [f"{LONG}{next(self._sets)}" for _ in range(12)]
            connection.ask([("POST", f"/long/7?name={name}") for name in names])
            self._filled[connection] = Counter(names)

    def filled(self) -> Iterator[tuple[Counter[str], Counter[str]]]:
        """What filled each worker's file, and what it tells of that itself."""
        for connection, names in self._filled.items():
            there: Counter[str] = Counter()
            for (name, labels), value in samples(connection.ask([("GET", "/metrics")])[0]).items():
                if name == "product_analysis_total":
                    there[dict(labels)["category"].partition(".")[0]] += int(value)
            yield names, Counter({name: there[name] for name in names})

    def scrape(self) -> Answer:
        """/metrics, on a connection that stays."""
        return self._scraped.ask([("GET", "/metrics")])[0]

    def anybodys(self) -> list[Numbers]:
        """The numbers as each worker tells them."""
        return [numbers_of(connection.ask([("GET", "/metrics")])[0]) for connection in self._connections]

    def numbers(self) -> Numbers:
        """What /metrics tells of requests and records, whoever is asked, once the last request has ended: its
        answer comes before its record. Faults, and whatever a clock measures, are left out."""
        told: list[Numbers] = []

        def alike() -> bool:
            before, told[:] = list(told), self.anybodys()
            return told == before and all(other == told[0] for other in told)

        try:
            wait_for("the same numbers from every worker, twice", alike, 10, 0.02)
        except AssertionError:
            first, *others = told
            raise AssertionError([difference(other, first) for other in others]) from None
        return told[0]

    def faults(self) -> Counter[str]:
        """How many faults of each kind are counted by now."""
        return Counter(
            {
                sample["error_type"]: int(value)
                for (name, labels), value in samples(self.scrape()).items()
                if name == "errors_total" and (sample := dict(labels))["component"] == "telemetry"
            }
        )

    def log(self) -> str:
        """All that the process has logged."""
        return self.server.log.read_text(errors="replace")

    def calm(self) -> None:
        """Let the last spell of faults be over."""
        for switch in self._switches:
            switch.say("calm")

    def on(self, row: Row) -> None:
        """Begin a fault."""
        outside = getattr(self, "_" + row.how.replace(" ", "_"), None)
        self._undo = (outside or self._in_process)(row)

    def off(self) -> int:
        """End it; how often it was met."""
        undo, self._undo = self._undo, lambda: 0
        return undo()

    def _in_process(self, row: Row) -> Callable[[], int]:
        for switch in self._switches:
            switch.say("on", target=row.target, how=row.how)
        return lambda: sum(switch.say("off")["hits"] for switch in self._switches)

    def _receiver_answers_500(self, _: Row) -> Callable[[], int]:
        assert self.sink
        self.sink.status = 500
        return self._well

    def _receiver_hangs(self, _: Row) -> Callable[[], int]:
        assert self.sink
        self.sink.entered.clear()
        self.sink.go.clear()
        return self._well

    def _receiver_cuts(self, _: Row) -> Callable[[], int]:
        assert self.way
        self.way.cut, self.way.met = True, 0
        self.way.hang_up()
        return self._well

    def _receiver_gone(self, _: Row) -> Callable[[], int]:
        assert self.way
        self.way.close()

        def undo() -> int:
            assert self.way
            self.way.open()
            return 1

        return undo

    def _well(self) -> int:
        """The receiver takes pushes again. That it did not is known from the reason in the log."""
        assert self.sink
        assert self.way
        self.sink.status, self.way.cut = 200, False
        self.sink.go.set()
        return 1

    def _no_room(self, row: Row) -> Callable[[], int]:
        """A disk that is full; where none can be had, no file of the process may grow."""
        if not self._state.is_mount():
            return self._in_process(row)
        filler = self._state / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

        def undo() -> int:
            filler.unlink()
            return 1

        return undo

    def _file_of_garbage(self, row: Row) -> Callable[[], int]:
        return self._file(row, lambda whole: bytes(reversed(whole)))

    def _file_cut_short(self, row: Row) -> Callable[[], int]:
        return self._file(row, lambda whole: whole[:40])

    def _file(self, row: Row, made: Callable[[bytes], bytes]) -> Callable[[], int]:
        """One more among the workers' files, as if of a worker that is no more."""
        whole = next(self._state.glob(row.target))
        bad = whole.with_stem("9")
        bad.write_bytes(made(whole.read_bytes()))

        def undo() -> int:
            bad.unlink()
            return 1

        return undo


def samples(page: Answer) -> Numbers:
    """Every sample of a page, by name and labels."""
    assert page.status == 200, page
    return Counter(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(page.body.decode())
            for sample in family.samples
        }
    )


def counts(labels: frozenset[tuple[str, str]]) -> bool:
    """Whether a series is of the script, not of what a single row asks for besides."""
    told = dict(labels)
    return told.get("endpoint") not in BESIDES and not told.get("category", "").startswith(LONG)


def numbers_of(page: Answer) -> Numbers:
    """Counters, and how many values each histogram has; the label sets that are new each time as one."""
    found: Numbers = Counter()
    for (name, labels), value in samples(page).items():
        told = dict(labels)
        if name == "telemetry_overflow_total" or told.get("component") == "telemetry":
            continue
        if not counts(labels):
            continue
        if name.endswith(("_total", "_count")):
            kept = {key: re.sub(r"^new\d+$", "new", text) for key, text in told.items()}
            found[name, frozenset(kept.items())] += value
    return found


def difference(after: Numbers, before: Numbers) -> Numbers:
    """What was added, or is missing, by series; series that stand left out."""
    return Counter({key: after[key] - before[key] for key in {*after, *before} if after[key] != before[key]})


def told(log: str) -> list[tuple[str, str]]:
    """What telemetry and the SDK have warned of: process and line; AssertionError for what nobody caught."""
    loose = _LOOSE.search(log)
    assert not loose, log
    return _LINE.findall(log)


@contextmanager
def _small_disk(place: Path) -> Iterator[None]:
    """A file system of its own at this place, where one may be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and not subprocess.run(mount, capture_output=True, check=False).returncode
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def faulted(version: str, workers: int) -> Iterator[Faulted]:
    """The application under a set of versions. One worker pushes as well, several are scraped alone."""
    port, way_port = free_port(), free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        stack.enter_context(_small_disk(folder / STATE))
        environment = {key: "" for key in os.environ if key.startswith("OTEL_")}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "FAULTS_DIR": str(folder),
            "REVIEWLENS_STATE_DIR": str(folder / STATE),
        }
        sink = way = None
        if workers == 1:
            sink = stack.enter_context(otlp_sink())
            way = stack.enter_context(gate(int(sink.url.rsplit(":", 1)[1]), way_port))
            environment |= {
                "OTEL_METRICS_EXPORTER": "prometheus,otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{way_port}",
                "OTEL_METRIC_EXPORT_INTERVAL": "200",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
            }
        flags = [
            "--port",
            str(port),
            "--workers",
            str(workers),
            "--timeout-keep-alive",
            "600",
            "--no-access-log",
        ]
        command = [str(PYTHONS[version]()), "-m", "uvicorn", "faulty_app:app", *flags]
        where = ROOT / "tests" / "data"
        url = f"http://127.0.0.1:{port}"
        server = stack.enter_context(run(command, url, "/metrics", env=environment, cwd=where, seconds=60))
        yield Faulted(server, workers, folder, sink, way)
