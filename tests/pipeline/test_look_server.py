"""`telemetry look` as it runs, before a real Prometheus: page, API, bounds, start and end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.looked import Looking, board, looking, write
from support.servers import HTTP, ROOT, Prometheus, free_port, prometheus, wait_for

from telemetry.look.bounds import BODY_BYTES
from telemetry.look.policy import HEADERS

RULES = """
groups:
  - name: g
    rules:
      - {record: "job:up:sum", expr: "sum by (job) (up)"}
      - {alert: AllDown, expr: "job:up:sum == 0"}
"""
CONFIG = """
global: {scrape_interval: 100ms, evaluation_interval: 100ms}
rule_files: [rules.yml]
scrape_configs: [{job_name: own, static_configs: [{targets: ["127.0.0.1:%d"]}]}]
"""


@pytest.fixture(scope="module")
def asked() -> Iterator[Prometheus]:
    """A Prometheus that scrapes itself."""
    port = free_port()
    with prometheus(CONFIG % port, rules={"rules.yml": RULES}, port=port) as server:
        wait_for("a scrape and a rule", lambda: server.value("job:up:sum") == 1)
        yield server


@pytest.fixture(scope="module")
def look(asked: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    """A `telemetry look` at it."""
    folder = tmp_path_factory.mktemp("look")
    (folder / "books").mkdir()
    (folder / "books" / "AllDown.md").write_text("# AllDown\n")
    (folder / "secret.json").write_text('{"secret": 1}')
    boards = write(folder / "boards", board("one", "up"), board("two", "sum by (job) (up)"))
    words = ["--runbooks", str(folder / "books"), "--trace-url", "http://traces/"]
    with looking(boards, asked.url, *words) as server:
        yield server


def api(look: Looking, path: str, **parameters: Any) -> Any:
    answer = look.ask(f"/api/prometheus/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_answers_are_prometheus_s_own(look: Looking, asked: Prometheus) -> None:
    """Byte for byte, for each path of its query API, by address and by form."""
    for path, given in {
        "query": {"query": "up", "time": "1700000000"},
        "query_range": {"query": "vector(1)", "start": "1700000000", "end": "1700000060", "step": "15"},
        "query_exemplars": {"query": "up", "start": "1700000000", "end": "1700000060"},
        "series": {"match[]": "up"},
        "labels": {"match[]": "up"},
        "label/job/values": {},
        "metadata": {"metric": "prometheus_build_info"},
    }.items():
        theirs = HTTP.get(f"{asked.url}/api/v1/{path}", params=given).json()
        assert look.ask(f"/api/prometheus/{path}", params=given).json() == theirs
    form = look.ask("/api/prometheus/query", method="POST", data={"query": "vector(2)", "time": "1"})
    assert form.json()["data"]["result"] == [{"metric": {}, "value": [1, "2"]}]
    assert [rule["name"] for group in api(look, "rules")["data"]["groups"] for rule in group["rules"]] == [
        "job:up:sum",
        "AllDown",
    ]
    assert api(look, "alerts") == {"status": "success", "data": {"alerts": []}}
    assert len(api(look, "targets", state="active")["data"]["activeTargets"]) == 1


def test_its_errors_come_as_it_says_them(look: Looking) -> None:
    """A query that cannot be read is the author's to see."""
    answer = look.ask("/api/prometheus/query", params={"query": "sum("})
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"
    assert "parse error" in answer.json()["error"]


def test_nothing_but_the_query_api_is_reached(look: Looking, asked: Prometheus) -> None:
    """No way of writing a path leads beyond it; Prometheus runs on."""
    for path in (
        "admin/tsdb/delete_series?match[]=up",
        "admin/tsdb/snapshot",
        "..%2f..%2f-/quit",
        "../../-/quit",
        "query/..%2f..%2f..%2f-/reload",
        "label/..%2f..%2fadmin/values",
        "%2e%2e/%2e%2e/-/quit",
        "status/config",
        "write",
        "query%00",
        "query%0d%0aX-Evil:%201",
        "label/job%0d%0a/values",
        "http://127.0.0.1/",
    ):
        for method in ("GET", "POST"):
            answer = look.ask(f"/api/prometheus/{path}", method=method)
            assert answer.status_code == 404, (method, path)
            assert answer.json() == {"status": "error", "errorType": "not_found", "error": "Not Found"}
            assert "x-evil" not in answer.headers
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert look.ask("/api/prometheus/query", method=method).status_code == 405
    assert look.ask("/api/prometheus/alerts", method="POST", data={}).status_code == 405
    assert look.ask("/api/boards", method="POST").status_code == 405
    assert HTTP.get(f"{asked.url}/-/ready").status_code == 200


def test_bounds_hold_for_every_form_of_a_question(look: Looking) -> None:
    """Too long a range, too many points, too long a body, another type, bytes that are no text."""
    path = "/api/prometheus/query_range"
    huge = {"query": "up", "start": "0", "end": "1700000000", "step": "3600"}
    for answer in (look.ask(path, params=huge), look.ask(path, method="POST", data=huge)):
        assert (answer.status_code, answer.json()["errorType"]) == (422, "limit")
    both = look.ask(path, method="POST", params={"end": "60"}, data=huge)
    assert both.status_code == 422
    form = {"content-type": "application/x-www-form-urlencoded"}
    for status, content, headers in (
        (413, b"query=" + b"1" * BODY_BYTES, form),
        (415, b'{"query": "up"}', {"content-type": "application/json"}),
        (415, b"query=up", {}),
        (400, b"query=%ff", form),
        (400, b"query=\xff", form),
        (400, b"a=1&" * 200, form),
    ):
        answer = look.ask("/api/prometheus/query", method="POST", content=content, headers=headers)
        assert answer.status_code == status
        assert answer.json()["status"] == "error"


def test_other_origins_are_refused(look: Looking) -> None:
    """A page of another origin, or of a name that was pointed here, gets no number."""
    assert look.headed() == 200
    assert look.headed(origin=look.url, sec_fetch_site="same-origin") == 200
    assert look.headed(host="evil.example") == 403
    assert look.headed(origin="https://evil.example") == 403
    assert look.headed(origin="null") == 403
    assert look.headed(sec_fetch_site="same-site") == 403
    assert (
        look.headed(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="document") == 403
    )


def test_every_answer_has_the_headers(look: Looking) -> None:
    """Errors and refusals too; what a question answers is not kept by anyone."""
    for path in ("/", "/static/none.js", "/api/boards", "/api/prometheus/none", "/healthz", "/none"):
        answer = look.ask(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    assert look.ask("/api/prometheus/query", params={"query": "1"}).headers["cache-control"] == "no-store"


def test_the_page_and_its_files_have_tags(look: Looking) -> None:
    """A browser that has a file already is answered without it; no path leads out of the folder."""
    page = look.ask("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<base href="/">' in page.text
    again = look.ask("/", headers={"if-none-match": f'"other", W/{page.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    for path in (
        "/static/..%2fserver.py",
        "/static/../server.py",
        "/static//etc/passwd",
        "/static/",
        "/static/%2e%2e/page.py",
    ):
        assert look.ask(path).status_code == 404


def test_boards_runbooks_and_settings_are_served(look: Looking) -> None:
    """What the page has to know; of this machine's folders no more than a file's name."""
    assert look.ask("/api/boards").json() == {
        "boards": [
            {"uid": "one", "title": "Board one", "tags": [], "file": "one.json"},
            {"uid": "two", "title": "Board two", "tags": [], "file": "two.json"},
        ],
        "problems": [],
    }
    assert look.ask("/api/boards/one").json() == board("one", "up")
    assert look.ask("/api/boards/..%2fsecret").status_code == 404
    assert look.ask("/api/boards/none").json()["errorType"] == "not_found"
    assert look.ask("/api/runbooks").json() == {"runbooks": [{"name": "AllDown", "languages": ["en"]}]}
    assert look.ask("/api/runbooks/AllDown?language=ko").json() == {
        "name": "AllDown",
        "language": "en",
        "markdown": "# AllDown\n",
    }
    assert look.ask("/api/runbooks/..%2fsecret").status_code == 404
    config = look.ask("/api/config").json()
    assert config["trace_url"] == "http://traces/{trace_id}"
    assert config["limits"] == {"range_seconds": 93 * 86_400, "points": 11_000, "concurrency": 16}


def test_prometheus_s_address_stays_here(look: Looking, asked: Prometheus) -> None:
    """Nothing that a page is told names it."""
    told = "".join(look.ask(path).text for path in ("/", "/api/config", "/api/boards", "/api/boards/one"))
    assert f":{asked.port}" not in told


def test_the_catalogue_tells_who_reads_a_metric(look: Looking) -> None:
    """From Prometheus's metadata, the boards and the rules."""
    rows = {row["name"]: row for row in look.ask("/api/catalogue").json()["metrics"]}
    build = rows["prometheus_build_info"]
    assert (build["kind"], build["labels"], build["readers"]) == ("gauge", None, [])
    assert "go_goroutines" in rows


def test_a_prefix_is_where_a_proxy_has_it(asked: Prometheus, tmp_path: Path) -> None:
    """The page's addresses begin with it; beside it there is nothing."""
    boards = write(tmp_path / "boards", board("one", "up"))
    words = ["--path-prefix", "/ops/boards/", "--allowed-host", "ops.example.com"]
    with looking(boards, asked.url, *words) as look:
        assert '<base href="/ops/boards/">' in look.ask("/ops/boards/").text
        moved = look.ask("/ops/boards")
        assert (moved.status_code, moved.headers["location"]) == (307, "/ops/boards/")
        assert look.ask("/ops/boards/api/boards").json()["boards"][0]["uid"] == "one"
        assert look.ask("/ops/boards/api/prometheus/query", params={"query": "1"}).status_code == 200
        assert look.ask("/").status_code == 404
        assert look.ask("/api/boards").status_code == 404
        proxied = {"host": "ops.example.com", "origin": "https://ops.example.com"}
        assert look.ask("/ops/boards/api/boards", headers=proxied).status_code == 200


def _command(boards: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "telemetry", "look", "--dashboards", str(boards), "--port", str(port)]


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    """With the option and the port."""
    boards = write(tmp_path / "boards", board("one", "up"))
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = subprocess.run(_command(boards, port), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"telemetry look: --port={port}: cannot listen on 127.0.0.1:{port} (Address already in use); "
        "expected a free port, and an address of this machine\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_at_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """One line at the start, none at the end; the port is free again."""
    boards = write(tmp_path / "boards", board("one", "up"))
    with subprocess.Popen(
        _command(boards, 0), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("Dashboards: http://127.0.0.1:")
        url = line.split()[1]
        assert HTTP.get(f"{url}healthz").json() == {"status": "ok"}
        process.send_signal(number)
        out, error = process.communicate(timeout=20)
    assert (out, error) == ("", "")
    assert process.returncode in (0, -number)
    with socket.create_server(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/")))):
        pass


def test_our_own_boards_can_be_looked_at(asked: Prometheus) -> None:
    """All three of this project, as Grafana gets them."""
    folder = ROOT / "monitoring" / "grafana" / "dashboards"
    with looking(folder, asked.url, "--runbooks", str(ROOT / "monitoring" / "runbooks")) as look:
        listed = look.ask("/api/boards").json()
        assert (len(listed["boards"]), listed["problems"]) == (3, [])
        for row in listed["boards"]:
            assert look.ask(f"/api/boards/{row['uid']}").json() == json.loads(
                (folder / row["file"]).read_text()
            )
