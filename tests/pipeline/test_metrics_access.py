"""Who reads the metrics: with a token, and on a port of their own, whoever serves and however it ends."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from support.metrics_page import total
from support.own_port import APP, TESTS, environ, scraped
from support.servers import free_port, run_app, wait_for

import telemetry
from telemetry.access import check
from telemetry.scrape.endpoint import MetricsEndpoint
from telemetry.scrape.listening import Listening
from telemetry.serve import MetricsServer
from telemetry.settings import SettingsError
from telemetry.testing import recording

TOKEN = "s3cret-t0ken"
SERVICE = Listening("127.0.0.1", 0, "--host", "--port")


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """As a start wants it."""
    return written(tmp_path / "token", TOKEN + "\n")


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    """A file of that mode, put in its place at once, as a rotation does."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(mode)
    return new.replace(path)


@pytest.fixture
def guarded(token_file: Path) -> Iterator[tuple[str, TestClient]]:
    """The metrics of a batch job, and of an application, behind the token."""
    with recording({"TELEMETRY_METRICS_TOKEN_FILE": str(token_file)}, strict=False) as recorded:
        app = FastAPI()
        telemetry.instrument(app, recorded.pipeline)
        serving = MetricsServer(recorded.pipeline.endpoint, "127.0.0.1", 0)
        yield f"http://127.0.0.1:{serving.port}/metrics", TestClient(app)
        serving.close()


def statuses(guarded: tuple[str, TestClient], authorization: str | None) -> set[int]:
    """Of the job and of the application."""
    headers = {} if authorization is None else {"authorization": authorization}
    url, client = guarded
    return {httpx.get(url, headers=headers).status_code, client.get("/metrics", headers=headers).status_code}


WRONG = [
    None,
    "",
    "Bearer",
    TOKEN,
    f"Basic {TOKEN}",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Bearer {TOKEN},Bearer {TOKEN}",
    "Bearer \xe9",
]


@pytest.mark.parametrize("authorization", WRONG)
def test_without_the_token_nobody_reads(authorization: str | None, guarded: tuple[str, TestClient]) -> None:
    """401 says which scheme is expected, and nothing else."""
    headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
    for answered in (
        httpx.get(guarded[0], headers=headers),  # type: ignore[arg-type]
        guarded[1].get("/metrics", headers=headers),  # type: ignore[arg-type]
        guarded[1].post("/metrics", headers=headers),  # type: ignore[arg-type]
    ):
        assert (answered.status_code, answered.headers["www-authenticate"]) == (401, 'Bearer realm="metrics"')
        assert answered.text == "expected the header Authorization: Bearer, with the token of the metrics\n"


def test_with_the_token_all_is_as_ever(guarded: tuple[str, TestClient]) -> None:
    """The name of the scheme in any case."""
    assert statuses(guarded, f"Bearer {TOKEN}") == statuses(guarded, f"bearer {TOKEN}") == {200}


def test_a_new_token_counts_at_once(guarded: tuple[str, TestClient], token_file: Path) -> None:
    """And the old one no more."""
    written(token_file, "another")
    assert statuses(guarded, f"Bearer {TOKEN}") == {401}
    assert statuses(guarded, "Bearer another") == {200}


@pytest.mark.parametrize("spoilt", ["gone", "empty", "open to others"])
def test_a_file_that_is_spoilt_later_closes_the_metrics(
    spoilt: str, guarded: tuple[str, TestClient], token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """To everybody, until it can be used again. One line says what is wrong, and never the token."""
    if spoilt == "gone":
        token_file.unlink()
    else:
        written(
            token_file, "" if spoilt == "empty" else "other", 0o644 if spoilt == "open to others" else 0o600
        )
    for given in (f"Bearer {TOKEN}", "Bearer other", None):
        assert statuses(guarded, given) == {503}
    (line,) = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(
        r"TELEMETRY_METRICS_TOKEN_FILE='.+': .+; expected .+; nobody reads the metrics until then", line
    )
    written(token_file, "another")
    assert statuses(guarded, f"Bearer {TOKEN}") == {401}
    assert statuses(guarded, "Bearer another") == {200}
    assert TOKEN not in caplog.text
    path, client = guarded
    page = client.get(path, headers={"authorization": "Bearer another"}).text
    assert re.search(r'^errors_total\{.*error_type="render".*\} 0(\.0)?$', page, re.MULTILINE), (
        "no number was lost"
    )


UNUSABLE = {
    "missing": "No such file or directory",
    "a folder": "Is a directory",
    "a FIFO": "no file",
    "empty": "it is empty",
    "blank": "it is empty",
    "two lines": "it has more than one token, or one that no header can carry",
    "no ASCII": "it has more than one token, or one that no header can carry",
    "endless": "it has more than one token, or one that no header can carry",
    "world-readable": "others may use it (mode 0604): chmod o-rwx",
}


def unusable(what: str, path: Path) -> None:
    """A file that no start takes."""
    if what == "a folder":
        path.mkdir(mode=0o700)
    elif what == "a FIFO":
        os.mkfifo(path, 0o600)
    elif what != "missing":
        texts = {
            "empty": "",
            "blank": " \n",
            "two lines": "a\nb\n",
            "no ASCII": "tökén",
            "endless": "a" * 9_999,
        }
        written(path, texts.get(what, TOKEN), 0o604 if what == "world-readable" else 0o600)


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_file_that_cannot_be_used_ends_the_start(what: str, tmp_path: Path) -> None:
    """The error names the key, the file and what is wrong; the token is in no error."""
    path = tmp_path / "token"
    unusable(what, path)
    environ = {"TELEMETRY_METRICS_TOKEN_FILE": str(path)}
    with pytest.raises(SettingsError) as raised, recording(environ):
        raise AssertionError("it started")
    assert str(raised.value) == (
        f"TELEMETRY_METRICS_TOKEN_FILE={str(path)!r}: {UNUSABLE[what]}; "
        "expected a file with one token, that its owner and group alone can read"
    )
    with pytest.raises(SettingsError):
        check(environ, SERVICE)


def test_the_metrics_may_have_a_port_of_their_own() -> None:
    """Loopback alone; the service's port says where."""
    port = free_port()
    with run_app(APP, env=environ(port), ready="/items/1") as server:
        url = f"http://localhost:{port}/metrics"
        wait_for("the request to be counted", lambda: total(scraped(url)) >= 1)
        answered = httpx.get(server.url + "/metrics")
        assert answered.status_code == 404
        assert answered.text == (
            f"the metrics have a port of their own: {url} (OTEL_EXPORTER_PROMETHEUS_PORT)\n"
        )
        assert httpx.get(f"http://localhost:{port}/").status_code == 404
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def test_a_port_that_is_taken_ends_the_start_with_its_name() -> None:
    """One line, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", APP, f"--port={free_port()}"]
        env = {**os.environ, **environ(port, OTEL_EXPORTER_PROMETHEUS_HOST="127.0.0.1")}
        ended = subprocess.run(
            command, env=env, cwd=TESTS, capture_output=True, text=True, timeout=60, check=False
        )
        with pytest.raises(SettingsError, match=f"OTEL_EXPORTER_PROMETHEUS_PORT={port}: cannot listen on"):
            check(
                {"OTEL_EXPORTER_PROMETHEUS_PORT": str(port), "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1"},
                SERVICE,
            )
    assert ended.returncode == 3
    assert (
        f"telemetry: OTEL_EXPORTER_PROMETHEUS_PORT={port}: cannot listen on 127.0.0.1:{port} "
        "(Address already in use); expected a free port, and an address of this machine"
    ) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_lifespan_the_port_opens_with_the_first_request() -> None:
    """Servers may have none."""
    port = free_port()
    with recording({"OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}) as recorded:
        app = FastAPI()
        app.add_api_route("/a", lambda: "a")
        telemetry.instrument(app, recorded.pipeline)
        TestClient(app).get("/a")
        assert total(scraped(f"http://localhost:{port}/metrics")) == 1
    assert not scraped(f"http://localhost:{port}/metrics")


def test_an_application_may_start_again() -> None:
    """Each lifespan has the port while it lasts; an own /metrics stays where it is."""
    port = free_port()
    with recording({"OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}) as recorded:
        app = FastAPI()
        app.add_api_route("/metrics", lambda: "own")
        telemetry.instrument(app, recorded.pipeline)
        for _ in range(2):
            with TestClient(app) as client:
                assert client.get("/metrics").text == '"own"'
                assert "http_requests_total" in scraped(f"http://localhost:{port}/metrics")
            assert not scraped(f"http://localhost:{port}/metrics")


def test_a_forked_child_holds_no_port() -> None:
    """Else the port would stay taken, and nobody answer there, for as long as the child lives."""
    port = free_port()
    with recording({"OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}) as recorded:
        listener = recorded.pipeline.listener
        assert listener
        listener.open()
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(there)
            os.read(here, 1)
            os._exit(0)
        listener.close()
        socket.create_server(("127.0.0.1", port)).close()
        os.close(there)
        os.waitpid(child, 0)
        os.close(here)


def test_more_clients_than_there_is_room_for_are_sent_away() -> None:
    """Who sends half a head takes a place for some seconds, and no thread beyond the bound."""
    server = MetricsServer(MetricsEndpoint(None), "127.0.0.1", 0)
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
    try:
        for client in clients:
            client.settimeout(5)
            client.sendall(b"GET ")
        assert clients[-1].recv(1) == b""
    finally:
        for client in clients:
            client.close()
        server.close()
