"""Several workers behind one port, on real servers: any /metrics answers for all, exactly, kills or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.metrics_page import REQUESTS, page
from support.metrics_page import total as total_of
from support.otlp_sink import otlp_sink
from support.servers import Server, free_port, run, wait_for

COMMAND = {
    "uvicorn": "-m uvicorn app.main:app --port {port} --workers {workers} --no-access-log",
    "uvicorn, recycled": "-m uvicorn app.main:app --port {port} --workers {workers} --limit-max-requests 100",
    "reviewlens": "-c __import__('app.cli').cli.main() serve --port {port} --workers {workers}",
    "gunicorn": "-m gunicorn -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} -w {workers} app.main:app",
    "gunicorn, preloaded": "-m gunicorn --preload -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} "
    "-w {workers} app.main:app",
}
NO_KEYS = dict.fromkeys(("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"), "")
PATH = "/api/products"
STARTED = "Application startup complete"


@contextmanager
def serving(kind: str, workers: int, state: Path, **environment: str) -> Iterator[Server]:
    """The service with so many workers, from the moment that all of them serve."""
    port = free_port()
    words = COMMAND[kind].format(port=port, workers=workers).split(" ")
    own = {**NO_KEYS, "REVIEWLENS_STATE_DIR": str(state), "REVIEWLENS_PORT": str(port), **environment}
    with run([sys.executable, *words], f"http://127.0.0.1:{port}", "/readyz", env=own, seconds=60) as server:
        _all_there(server, workers)
        yield server


def _all_there(server: Server, workers: int) -> None:
    if workers > 1:
        wait_for("every worker", lambda: server.log.read_text().count(STARTED) >= workers, 60)


def pids(server: Server) -> list[int]:
    """Its workers."""
    words = ["pgrep", "-P", str(server.process.pid), "-f", "spawn_main|gunicorn"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True)
    return [int(word) for word in shown.stdout.split()]


def kill_one(server: Server, how: int = signal.SIGKILL) -> None:
    """End a worker, and wait until another has taken its place."""
    there = server.log.read_text().count(STARTED)
    os.kill(pids(server)[0], how)
    wait_for("its successor", lambda: server.log.read_text().count(STARTED) > there, 60)


def total(server: Server, metric: str = REQUESTS, **labels: str) -> float:
    """A fresh connection each time, so that any worker may answer. No series may stand twice."""
    text = page(server.url)
    lines = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(set(lines)) == len(lines), "a series twice"
    return total_of(text, metric, **labels)


class Traffic:
    """Requests from several threads until it is told to end; what was sent and what was answered."""

    def __init__(self, server: Server, threads: int = 8) -> None:
        self.sent = self.answered = 0
        self._server, self._lock, self._ends = server, threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._go_on) for _ in range(threads)]

    def _go_on(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=30) as shopper:
            while not self._ends.is_set():
                with self._lock:
                    self.sent += 1
                try:
                    answer = shopper.get(PATH)
                except httpx.HTTPError:  # its worker was killed: it may have been counted, or not
                    continue
                assert answer.status_code == 200
                with self._lock:
                    self.answered += 1

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()


def drive(server: Server, number: int) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as shopper, ThreadPoolExecutor(8) as crowd:
        assert {a.status_code for a in crowd.map(lambda _: shopper.get(PATH), range(number))} == {200}


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_the_sum_is_exact_whoever_answers_and_while_traffic_runs(workers: int, state_dir: Path) -> None:
    """Never less than was answered before a scrape began, never more than was sent when it had ended."""
    with serving("uvicorn", workers, state_dir) as server:
        with Traffic(server) as traffic:
            answered = 0
            while answered < 200:
                answered = traffic.answered
                seen = total(server, endpoint=PATH)
                assert answered <= seen <= traffic.sent
        assert {total(server, endpoint=PATH) for _ in range(3 * workers)} == {traffic.answered}
        count = "http_request_duration_seconds_count"
        assert {total(server, count, endpoint=PATH) for _ in range(workers)} == {traffic.answered}
        if workers == 4:
            _killed_under_load(server)


def _killed_under_load(server: Server) -> None:
    """Totals never fall, and nothing that was answered is lost. With uvicorn; the others are killed below."""
    earlier = before = total(server, endpoint=PATH)
    with Traffic(server) as traffic:
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            kill_one(server, how)
            for _ in range(5):
                answered = traffic.answered
                seen = total(server, endpoint=PATH)
                assert max(before, earlier + answered) <= seen <= earlier + traffic.sent
                before = seen
    final = {total(server, endpoint=PATH) for _ in range(12)}
    assert len(final) == 1
    assert traffic.answered <= final.pop() - earlier <= traffic.sent


@pytest.mark.parametrize("kind", [kind for kind in COMMAND if not kind.startswith("uvicorn")])
def test_nothing_that_was_counted_is_lost_by_a_kill(kind: str, state_dir: Path) -> None:
    """Workers killed one after the other, while nothing is under way: the totals stand, and go on."""
    with serving(kind, 2, state_dir) as server:
        for round_ in (1, 2):
            drive(server, 60)
            kill_one(server)
            seen = {total(server, endpoint=PATH) for _ in range(8)}
            assert seen == {60.0 * round_}
        assert len(list(state_dir.glob("workers/*/*.cells"))) <= 3


def test_nothing_is_lost_when_workers_are_recycled(state_dir: Path) -> None:
    """Each ends by itself after 100 requests, and another comes."""
    with serving("uvicorn, recycled", 2, state_dir) as server:
        with Traffic(server, threads=2) as traffic:
            wait_for("new workers", lambda: server.log.read_text().count(STARTED) >= 4, 60)
        seen = total(server, endpoint=PATH)
        assert traffic.answered <= seen <= traffic.sent
        assert traffic.answered > 150
        assert len(list(state_dir.glob("workers/*/*.cells"))) == 2


def test_two_servers_in_one_folder_never_mix(state_dir: Path) -> None:
    with serving("uvicorn", 2, state_dir) as one, serving("uvicorn", 2, state_dir) as other:
        drive(one, 30)
        drive(other, 50)
        assert {total(one, endpoint=PATH) for _ in range(6)} == {30.0}
        assert {total(other, endpoint=PATH) for _ in range(6)} == {50.0}
        assert len(list(state_dir.glob("workers/*"))) == 2
    with serving("uvicorn", 2, state_dir) as anew:
        assert total(anew, endpoint=PATH) == 0
        assert len(list(state_dir.glob("workers/*"))) == 1, "what the two have left is removed"


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn, preloaded"])
def test_what_workers_push_adds_up(kind: str, state_dir: Path) -> None:
    """Each under an instance of its own, the same after a kill, also where the environment names it; the
    totals of an instance never fall."""
    with otlp_sink() as sink:
        pushing = {
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_METRIC_EXPORT_INTERVAL": "300",
            "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=shop",
        }
        with serving(kind, 2, state_dir, **pushing) as server:
            drive(server, 60)
            wait_for("60 pushed", lambda: sum(latest(sink).values()) == 60)
            kill_one(server)
            drive(server, 60)
            wait_for("120 pushed", lambda: sum(latest(sink).values()) == 120)
            assert total(server, endpoint=PATH) == 120
        assert set(latest(sink)) == {"shop", "shop/1"}
        for values in history(sink).values():
            assert values == sorted(values)


def history(sink: Any) -> dict[str, list[float]]:
    """By instance: the requests that each push told, in the order of arrival."""
    found: dict[str, list[float]] = {}
    for request in list(sink.requests):
        for resource in request.resource_metrics:
            who = {a.key: a.value.string_value for a in resource.resource.attributes}["service.instance.id"]
            points = [
                point
                for scope in resource.scope_metrics
                for metric in scope.metrics
                if metric.name == "http_requests_total"
                for point in metric.sum.data_points
                if any(a.key == "endpoint" and a.value.string_value == PATH for a in point.attributes)
            ]
            found.setdefault(who, []).append(sum(point.as_double or point.as_int for point in points))
    return found


def latest(sink: Any) -> dict[str, float]:
    return {who: values[-1] for who, values in history(sink).items()}
