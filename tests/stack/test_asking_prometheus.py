"""scripts/ask.sh on a real Prometheus: what an on-call person reads without a web page."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from support.http_server import QuietHandler, http_server
from support.own_stack import run
from support.servers import ROOT, PrometheusServer, free_port, prometheus, wait_for
from typer.testing import CliRunner

from app.ports import PORTS
from scripts.stack import ask
from scripts.stack.errors import StackError
from scripts.stack.health import has_page
from scripts.stack.prometheus import StackPrometheus
from scripts.stack.stack import Stack

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["rules.yml"]
scrape_configs:
  - job_name: self
    static_configs: [{{targets: ["localhost:{port}"]}}]
  - job_name: gone
    static_configs: [{{targets: ["localhost:{nobody}"]}}]
  - job_name: crawl-script
    static_configs: [{{targets: ["localhost:{nobody}"]}}]
"""
RULES = """
groups:
  - name: test
    rules:
      - alert: TargetDown
        expr: up{job="gone"} == 0
        labels: {severity: critical}
        annotations:
          summary: "{{ $labels.job }} does not answer"
          runbook_url: "{{ $externalURL }}/user/TargetDown.md"
      - alert: Patient
        expr: up == 1
        for: 1h
      - alert: Never
        expr: up == 2
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PrometheusServer]:
    """A Prometheus that sees itself and a target that is gone."""
    port = free_port()
    with prometheus(
        CONFIG.format(port=port, nobody=free_port()), rules={"rules.yml": RULES}, port=port
    ) as server:
        wait_for("all targets", lambda: len(server.query("up")) == 3)
        wait_for("both alerts", lambda: len(server.api("alerts")["alerts"]) == 2)
        yield server


def said(server: PrometheusServer, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    monkeypatch.setattr(ask, "_prometheus", lambda: StackPrometheus(server.url))
    done = CliRunner().invoke(ask.cli, words)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_a_query_is_a_table(server: PrometheusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column for each label that differs; words of one expression need no quotes."""
    assert said(server, monkeypatch, "query", "sort(sum", "by", "(job)", "(up{job=~'gone|self'}))") == [
        "job   value",
        "gone  0",
        "self  1",
    ]
    first, head, *rows = said(server, monkeypatch, "query", "up")
    assert (first, head.split(), len(rows)) == ("__name__=up", ["instance", "job", "value"], 3)
    assert said(server, monkeypatch, "query", "vector(1)/3") == ["value", "0.333333"]
    assert said(server, monkeypatch, "query", "scalar(vector(4))") == ["4"]
    assert said(server, monkeypatch, "query", "nothing") == ["No series answers this now."]


def test_a_range_has_a_row_for_each_sample(server: PrometheusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time of each."""
    wait_for("two scrapes", lambda: (server.value("count_over_time(up{job='self'}[1m])") or 0) >= 2)
    head, *rows = said(server, monkeypatch, "query", "up{job='self'}[1m]")
    assert head.split() == ["__name__", "instance", "job", "time", "value"]
    assert len(rows) >= 2 and all(re.search(r" \d\d:\d\d:\d\dZ  1$", row) for row in rows)


def test_a_wrong_expression_gets_prometheus_own_words(server: PrometheusServer) -> None:
    """With the place in the expression."""
    with pytest.raises(StackError, match=r"^Prometheus says: .*1:6: parse error: unclosed left parenthesis"):
        StackPrometheus(server.url).query("sum (")


def test_alerts_are_told_with_their_runbook(
    server: PrometheusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Firing ones first; what has no words is told by its name."""
    head, firing, pending = said(server, monkeypatch, "alerts")
    assert head.split() == ["state", "severity", "since", "summary", "runbook"]
    assert re.fullmatch(
        r"firing   critical  \S+Z, \d+ s ago  gone does not answer  monitoring/runbooks/TargetDown\.md",
        firing,
    )
    assert re.fullmatch(r"pending            \S+Z, \d+ s ago  Patient", pending)


def test_no_alert_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the number of those that could fire: none of them loaded would look the same."""
    with prometheus("global: {}\nrule_files: [rules.yml]", rules={"rules.yml": RULES}) as quiet:
        assert said(quiet, monkeypatch, "alerts") == ["Nothing is firing or pending; 3 alerts are watched."]


def test_targets_are_told_with_their_last_error(
    server: PrometheusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Job, instance, health, how long ago, and why not; an import that does not run is no fault."""
    head, *rows = said(server, monkeypatch, "targets")
    assert head.split() == ["job", "instance", "health", "last", "scrape", "last", "error"]
    optional, gone, own = (re.sub(" {2,}", "  ", row) for row in sorted(rows))
    assert re.fullmatch(
        r"crawl-script  localhost:\d+  off  \S+Z, \d s ago  optional: there while `reviewlens ingest` runs",
        optional,
    )
    assert re.match(r"gone  localhost:\d+  down  \S+Z, \d s ago  Get .*: connection refused$", gone)
    assert re.fullmatch(r"self  localhost:\d+  up  \S+Z, \d s ago", own)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-03-01T12:00:00.123456789Z", "12:00:00Z, 0 s ago"),
        ("2026-03-01T11:58:01Z", "11:58:01Z, 119 s ago"),
        ("2026-03-01T20:58:00.1+09:00", "11:58:00Z, 2 min ago"),
        ("2026-03-01T09:59:59Z", "09:59:59Z, 2 h ago"),
        ("2026-02-27T12:00:00Z", "12:00:00Z, 2 days ago"),
        ("2026-03-01T12:00:09Z", "12:00:09Z, 0 s ago"),
        ("0001-01-01T00:00:00Z", "never"),
    ],
)
def test_a_time_is_told_with_its_age(text: str, told: str) -> None:
    """In the largest unit of which two have passed; a clock that is ahead is no error."""
    assert ask.since(text, datetime(2026, 3, 1, 12, tzinfo=timezone.utc)) == told


@pytest.mark.parametrize(
    ("text", "there"), [("This Debian package does not include", False), ("<app>", True)]
)
def test_a_build_without_a_page_is_known_by_its_note(text: str, there: bool) -> None:
    """Behind a redirect, as Prometheus has it; whoever does not answer is not called bare."""

    class Page(QuietHandler):
        def do_GET(self) -> None:
            at_root = self.path == "/"
            self.answer(302 if at_root else 200, b"" if at_root else text.encode(), Location="/query")

    with http_server(Page) as url:
        assert has_page(url) is there
    assert has_page(f"http://127.0.0.1:{free_port()}")


def test_the_running_stack_is_asked_whatever_the_shell_says(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own port, not the default; and one line when it is down."""
    stack.start_monitoring()
    for variable, _ in PORTS.values():
        monkeypatch.delenv(variable)
    assert run("ask", {}, "query", "vector(7)").stdout == "value\n7\n"
    stack.supervisor.stop("prometheus")
    assert run("ask", {}, "alerts").stderr.startswith(
        f"error: Prometheus does not answer at http://localhost:{stack.settings.ports['prometheus']} ("
    )
    stack.down()
    down = run("ask", {}, "targets")
    assert (down.returncode, down.stdout) == (1, "")
    assert down.stderr == "error: nothing is running; start it with `make up`.\n"


@pytest.mark.parametrize(
    ("script", "words", "usage"),
    [
        ("ask.sh", ["query"], "Usage: scripts/stack.sh ask query "),
        ("logs.sh", ["--help"], "Usage: scripts/stack.sh logs "),
        ("build.sh", ["--help"], "Usage: scripts/build.sh "),
    ],
)
def test_usage_is_a_command_that_can_be_typed(script: str, words: list[str], usage: str) -> None:
    """No module of ours, which only the environment's own Python finds."""
    done = subprocess.run([ROOT / "scripts" / script, *words], capture_output=True, text=True, check=False)
    assert usage in done.stdout + done.stderr
