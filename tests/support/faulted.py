"""The application of tests/data/faulty_app.py on a real uvicorn, and the faults switched on in it."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from support.fault_rows import FaultRow
from support.gate import gate
from support.keptalive import KeptAlive, RawAnswer
from support.otlp_sink import Sink, otlp_sink
from support.outside_faults import FaultyReceiver, Files, Undo, small_disk
from support.servers import ROOT, Server, free_port, run, wait_for
from support.told import LONG, Numbers, difference, numbers_of, samples

from scripts import releases

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
COMMAND = ("-m", "uvicorn", "faulty_app:app", "--timeout-keep-alive=600", "--no-access-log")
CRASH = (("GET", "/crash/7"),)
"""After its answer the server ends the connection."""
Outside = Mapping[str, Callable[[], Undo]]


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
        self, server: Server, workers: int, folder: Path, sink: Sink | None, outside: Outside
    ) -> None:
        self.server, self.sink = server, sink
        self._outside, self._sets = outside, count()
        self._filled: dict[KeptAlive, Counter[str]] = {}
        wait_for("every worker", lambda: len(list(folder.glob("*.sock"))) == workers, 60)
        self._switches = [Switch(path) for path in sorted(folder.glob("*.sock"))]
        self._workers = workers
        self._undo: Undo = lambda: 0
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

    def _undisturbed(self, crash: bool = True) -> tuple[list[RawAnswer], float, Numbers]:
        before = self.numbers()
        answers, seconds = self.play(crash)
        each = difference(self.numbers(), before)
        answered = sum(n for (name, _), n in each.items() if name == "http_requests_total")
        assert answered == len(answers), "each request is counted once when all is well"
        return answers, seconds, each

    def play(self, crash: bool = True) -> tuple[list[RawAnswer], float]:
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

    def scrape(self) -> RawAnswer:
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

    def on(self, row: FaultRow) -> None:
        """Begin a fault."""
        outside = self._outside.get(row.how)
        self._undo = outside() if outside else self._in_process(row)

    def met(self, row: FaultRow) -> bool:
        """Whether it was met by now. What is outside of the process is told by the row's line in the log."""
        return row.how in self._outside or any(switch.say("met")["hits"] for switch in self._switches)

    def off(self) -> int:
        """End it; how often it was met."""
        undo, self._undo = self._undo, lambda: 0
        return undo()

    def _in_process(self, row: FaultRow) -> Undo:
        def undo() -> int:
            return sum(switch.say("off")["hits"] for switch in self._switches)

        try:
            for switch in self._switches:
                switch.say("on", target=row.target, how=row.how)
        except BaseException:
            undo()
            raise
        return undo


@contextmanager
def faulted(version: str, workers: int) -> Iterator[Faulted]:
    """The application under a set of versions. One worker pushes as well, several are scraped alone."""
    port, way_port = free_port(), free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        stack.enter_context(small_disk(folder / STATE))
        environment = {key: "" for key in os.environ if key.startswith("OTEL_")}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "FAULTS_DIR": str(folder),
            "REVIEWLENS_STATE_DIR": str(folder / STATE),
        }
        sink, outside = None, dict(Files(folder / STATE).faults)
        if workers == 1:
            sink = stack.enter_context(otlp_sink())
            way = stack.enter_context(gate(int(sink.url.rsplit(":", 1)[1]), way_port))
            outside |= FaultyReceiver(sink, way).faults
            environment |= {
                "OTEL_METRICS_EXPORTER": "prometheus,otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{way_port}",
                "OTEL_METRIC_EXPORT_INTERVAL": "200",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
            }
        command: list[str | Path] = [
            releases.python(version),
            *COMMAND,
            f"--port={port}",
            f"--workers={workers}",
        ]
        where = ROOT / "tests" / "data"
        url = f"http://127.0.0.1:{port}"
        server = stack.enter_context(run(command, url, "/metrics", env=environment, cwd=where, seconds=60))
        yield Faulted(server, workers, folder, sink, outside)
