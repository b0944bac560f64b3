"""The programs: simulator, service, collector, Prometheus. Each can be stopped and restarted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from app.llm.settings import KEYS
from scripts.stack.binaries import obtain
from soak.running import ROOT, Server, free_port, run, wait_for
from telemetry.workers.process import began

PROMETHEUS = "3.5"
SECONDS = 1
"""Between two pushes, and between two scrapes."""
REVIEWLENS = (sys.executable, "-c", "__import__('app.cli').cli.main()")
STARTED = b"Application startup complete"
SPAWNED = "spawn_main"
TIMEOUT_SECONDS = 864_000
"""Nobody of the crowd times out: every end of theirs is in their account."""
PLAY = "--latency 0.03 --spread 0.8 --pace 0.004"
"""Providers as fast as a test needs them, whose streams last long enough to be left."""
START_SECONDS = 90.0
DIRECT, PUSHED = "soak-direct", "reviewlens-api"
"""Prometheus's jobs: the scraped series, and the series from the collector."""
CONFIG = """
global: {{scrape_interval: {seconds}s}}
scrape_configs:
  - job_name: {direct}
    honor_labels: true
    static_configs: [{{targets: ["{service}"]}}]
  - job_name: collector
    honor_labels: true
    static_configs: [{{targets: ["{collector}"]}}]
    metric_relabel_configs: [{{source_labels: [__name__], regex: target_info, action: drop}}]
"""


class SoakProgram:
    """One program. Port, folder and data stay over a restart."""

    def __init__(self, command: Sequence[str | Path], url: str, ready: str, env: Mapping[str, str]) -> None:
        self.url = url
        self._command, self._ready, self._env = command, ready, env
        self._stack = ExitStack()
        self.server: Server | None = None

    def start(self) -> None:
        """Run until `stop`, from the moment that it answers. AssertionError with its last lines."""
        self.server = self._stack.enter_context(
            run(self._command, self.url, self._ready, env=self._env, seconds=START_SECONDS)
        )

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self._stack.close()

    def kill(self) -> None:
        """SIGKILL."""
        if self.server:
            self.server.process.kill()
            self.server.process.wait()
        self._stack.close()


class SoakService(SoakProgram):
    """The service with its workers."""

    def __init__(self, workers: int, state: Path, simulator: str, collector: str) -> None:
        port = free_port()
        command = [*REVIEWLENS, "serve", "--port", str(port), "--workers", str(workers)]
        own = {
            **dict.fromkeys(KEYS.values(), ""),
            "REVIEWLENS_STATE_DIR": str(state),
            "REVIEWLENS_PORT": str(port),
            "REVIEWLENS_LLM_SIMULATOR_URL": simulator,
            "REVIEWLENS_SESSION_TIMEOUT": str(TIMEOUT_SECONDS),
            "REVIEWLENS_SESSIONS_PER_MINUTE": "0",  # all of them come from one address
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
            "OTEL_METRIC_EXPORT_INTERVAL": str(SECONDS * 1000),
        }
        super().__init__(command, f"http://127.0.0.1:{port}", "/readyz", own)
        self.workers, self.state = workers, state
        self._seen: set[tuple[int, str]] = set()

    def start(self) -> None:
        """See Program; every worker serves."""
        super().start()
        wait_for("every worker", lambda: self._starts() >= self.workers, START_SECONDS)

    def pids(self) -> list[int]:
        """The workers that run."""
        assert self.server is not None  # noqa: S101 - asked while it runs
        words = ["pgrep", "-P", str(self.server.process.pid), "-f", SPAWNED]
        shown = subprocess.run(words, capture_output=True, text=True, check=False)
        found = [int(word) for word in shown.stdout.split()]
        self._seen.update((pid, began(pid)) for pid in found)
        return found

    def end_one(self, how: signal.Signals, number: int) -> None:
        """End a worker, and wait until another serves in its place."""
        there, pids = self._starts(), self.pids()
        os.kill(pids[number % len(pids)], how)
        wait_for("a worker's successor", lambda: self._starts() > there, START_SECONDS)

    def rss(self) -> dict[int, int]:
        """Bytes of memory of each worker."""
        pids = ",".join(map(str, self.pids()))
        shown = subprocess.run(
            ["ps", "-o", "pid=,rss=", "-p", pids], capture_output=True, text=True, check=False
        )
        rows = [line.split() for line in shown.stdout.splitlines()]
        return {int(pid): int(kibibytes) * 1024 for pid, kibibytes in rows}

    def one_by_one(self) -> Iterator[int]:
        """Each worker in turn is the only one to answer: a fresh connection is its own. The others pause."""
        pids = self.pids()
        for pid in pids:
            others = [other for other in pids if other != pid]
            try:
                for other in others:
                    os.kill(other, signal.SIGSTOP)
                yield pid
            finally:
                for other in others:
                    os.kill(other, signal.SIGCONT)

    def stop(self) -> None:
        """See Program; a worker whose server had to be killed is ended, too."""
        super().stop()
        for pid, since in self._seen:
            if began(pid) == since != "":
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _starts(self) -> int:
        assert self.server is not None  # noqa: S101 - asked while it runs
        return self.server.log.read_bytes().count(STARTED)


class Programs:
    """All of them. `folder` is theirs; `state` is the service's."""

    def __init__(self, workers: int, folder: Path, state: Path) -> None:
        self.simulator = _simulator()
        self.collector, gates = _collector(folder)
        self.service = SoakService(workers, state, self.simulator.url, f"http://127.0.0.1:{gates['HTTP']}")
        self.prometheus = _prometheus(
            folder, self.service.url.removeprefix("http://"), f"127.0.0.1:{gates['SCRAPE']}"
        )

    @property
    def _all(self) -> tuple[SoakProgram, ...]:
        return (self.simulator, self.collector, self.service, self.prometheus)

    def start(self) -> None:
        """Start all, in order. AssertionError if one does not start."""
        for program in self._all:
            program.start()

    def stop(self) -> None:
        """Stop all, the last first, even if one fails."""
        with ExitStack() as stack:
            for program in self._all:
                stack.callback(program.stop)


def _simulator() -> SoakProgram:
    port = free_port()
    command = [*REVIEWLENS, "llm-simulator", "--port", str(port), *PLAY.split()]
    return SoakProgram(command, f"http://127.0.0.1:{port}", "/healthz", {})


def _collector(folder: Path) -> tuple[SoakProgram, dict[str, int]]:
    gates = {name: free_port() for name in ("GRPC", "HTTP", "SCRAPE", "METRICS", "HEALTH")}
    own = {f"REVIEWLENS_COLLECTOR_{name}_PORT": str(port) for name, port in gates.items()}
    own["REVIEWLENS_COLLECTOR_QUEUE_DIR"] = str(folder / "collector")
    command: list[str | Path] = [obtain("otelcol"), f"--config={ROOT / 'otel-collector' / 'config.yaml'}"]
    return SoakProgram(command, f"http://127.0.0.1:{gates['HEALTH']}", "/", own), gates


def _prometheus(folder: Path, service: str, collector: str) -> SoakProgram:
    port = free_port()
    file = folder / "prometheus.yml"
    file.write_text(
        CONFIG.format(seconds=SECONDS, direct=DIRECT, service=service, collector=collector), encoding="utf-8"
    )
    command: list[str | Path] = [
        obtain("prometheus", PROMETHEUS),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--scrape.discovery-reload-interval=100ms",  # hidden; its default lets a target wait 5 s
    ]
    return SoakProgram(command, f"http://127.0.0.1:{port}", "/-/ready", {})
