"""`--snapshot` before a real Prometheus, and before one whose answers are chosen."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.looked import EMPTY, Asked, Reply, board, in_its_place, write
from support.servers import ROOT, free_port, prometheus, wait_for

CONFIG = """
global: {scrape_interval: 100ms}
scrape_configs:
  - {job_name: own, static_configs: [{targets: ["127.0.0.1:%d"], labels: {note: "</script><b>"}}]}
"""
VARIABLES = [
    {
        "name": "job",
        "type": "query",
        "query": {"query": "label_values(up, job)"},
        "includeAll": True,
        "allValue": ".*",
        "current": {"value": "$__all"},
    },
    {"name": "home", "type": "textbox", "query": "http://localhost:9090"},
]


def snap(folder: Path, url: str, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "telemetry", "look", "--dashboards", str(folder), "--prometheus", url]
    return subprocess.run(
        [*command, "--snapshot", str(file), *words], capture_output=True, text=True, check=False, cwd=ROOT
    )


def answered(asked: Asked) -> Reply:
    """As a Prometheus without any series."""
    return 200, {}, EMPTY if "query" in asked.path else b'{"status":"success","data":{}}'


def data(file: Path) -> dict[str, Any]:
    (text,) = re.findall(r'id="snapshot">(.*?)</script>', file.read_text(encoding="utf-8"))
    told: dict[str, Any] = json.loads(text)
    return told


def test_it_holds_the_numbers_and_no_address(tmp_path: Path) -> None:
    """Prometheus scrapes itself, so that its address is a label, too."""
    one = board("one", 'up{job=~"$job"} offset -1m', "sum(up)", "sum(", templating={"list": VARIABLES})
    one["panels"][1]["targets"][0] |= {"instant": True, "range": False}
    one["panels"].append(
        {"id": 9, "type": "row", "panels": [{**board("x", "count(up)")["panels"][0], "id": 7}]}
    )
    folder, file = write(tmp_path / "boards", one, board("two", "up")), tmp_path / "out" / "a.html"
    file.parent.mkdir()
    file.write_text("an older one")
    port = free_port()
    with prometheus(CONFIG % port, port=port) as server:
        wait_for("a scrape", lambda: server.value("up") == 1)
        done = snap(folder, server.url, file, "--title", "Shown", "--link-prometheus", server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}\n", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["a.html"]
    text = file.read_text()
    for address in (str(port), "127.0.0.1", "localhost", "://"):
        assert address not in text.replace("data:text/javascript", ""), address
    told = data(file)
    assert (told["version"], told["board"]) == (1, "one")
    assert told["variables"]["one"] == {"job": ["$__all"], "home": ["address-4"]}
    answers = told["answers"]
    (series,) = answers["one/1/A"]["data"]["result"]
    assert series["metric"]["instance"] == "address-1"
    assert series["metric"]["note"] == "</script><b>"
    assert series["values"][-1][1] == "1"
    assert answers["one/2/A"]["data"]["result"][0]["value"][1] == "1"
    assert answers["one/7/A"]["status"] == "success"
    assert answers["one/3/A"]["errorType"] == "bad_data"
    assert answers["one/variables/job"]["data"] == ["own"]
    assert answers["two/1/A"]["status"] == "success"
    assert answers["api/prometheus/targets"]["data"]["activeTargets"][0]["health"] == "up"
    assert {row["uid"] for row in answers["api/boards"]["boards"]} == {"one", "two"}
    assert answers["api/config"]["title"] == "Shown"
    assert (answers["api/config"]["links"], answers["api/config"]["trace_url"]) == ({}, None)


def test_our_own_boards_can_be_kept(tmp_path: Path) -> None:
    """Each query of the three is asked, and Prometheus takes each."""
    seen: dict[str, Any]
    with prometheus("global: {scrape_interval: 1s}") as server:
        done = snap(ROOT / "monitoring" / "grafana" / "dashboards", server.url, tmp_path / "a.html")
    assert done.returncode == 0, done.stderr
    seen = data(tmp_path / "a.html")["answers"]
    queries = {key: body for key, body in seen.items() if not key.startswith("api/")}
    assert len(queries) > 128
    assert {key: body["error"] for key, body in queries.items() if body["status"] != "success"} == {}


def test_the_token_is_not_in_it(tmp_path: Path) -> None:
    """Not even where a server says it back."""
    token = tmp_path / "token"
    token.write_text("marked-s3cret-token")
    token.chmod(0o600)
    folder = write(tmp_path / "boards", board("one", "up"))

    def reply(asked: Asked) -> Reply:
        if "query=up" in asked.body:
            return 401, {}, json.dumps({"error": asked.headers["authorization"]}).encode()
        return answered(asked)

    with in_its_place(reply) as (url, seen):
        done = snap(folder, url, tmp_path / "a.html", "--prometheus-token-file", str(token))
    assert (done.returncode, done.stderr) == (0, "")
    assert {one.headers["authorization"] for one in seen} == {"Bearer marked-s3cret-token"}
    assert "s3cret" not in (tmp_path / "a.html").read_text()
    assert data(tmp_path / "a.html")["answers"]["one/1/A"]["errorType"] == "unreachable"


def test_without_prometheus_there_is_none(tmp_path: Path) -> None:
    """One line, and an older file stays as it was."""
    folder = write(tmp_path / "boards", board("one", "up"))
    (tmp_path / "a.html").write_text("older")
    done = snap(folder, f"http://127.0.0.1:{free_port()}", tmp_path / "a.html")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "telemetry look: Prometheus: it does not answer (ConnectError)\n"
    assert (tmp_path / "a.html").read_text() == "older"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--range", "6"], "--range='6': expected a time such as 6h, at most 8035200 s"),
        (["--range", "1y"], "--range='1y': expected a time"),
        (["--variable", "a b=c"], "--variable: expected NAME=VALUE, repeatable"),
    ],
)
def test_a_wrong_word_is_one_line(tmp_path: Path, words: list[str], expected: str) -> None:
    """Before anything is asked."""
    folder = write(tmp_path / "boards", board("one", "up"))
    done = snap(folder, "http://127.0.0.1:1", tmp_path / "a.html", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"telemetry look: {expected}")
    assert not (tmp_path / "a.html").exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """With the option."""
    folder = write(tmp_path / "boards", board("one", "up"))
    with in_its_place(answered) as (url, _):
        done = snap(folder, url, tmp_path / "none" / "a.html")
    assert done.returncode == 2
    assert done.stderr.startswith(f"telemetry look: --snapshot='{tmp_path}/none/a.html': No such file or dir")
