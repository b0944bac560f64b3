"""Everything is run with secrets that carry a mark; then every byte that was written is searched for it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from support import own_stack
from support.marked import MALFORMED, MARK, address, marked_files, marks_in, repeating
from support.redis_server import redis_server
from support.servers import ROOT, free_port, run, wait_for

from app.llm.settings import LLMSettings
from app.settings import AppSettings, AppSettingsError
from app.variables import known
from scripts.stack import settings as stack_settings
from scripts.stack.errors import StackError
from telemetry.push import target as otlp
from telemetry.sdk.resource import resource
from telemetry.settings import SettingsError, load

REVIEWLENS = Path(sys.executable).with_name("reviewlens")
PASSWORD = f"pa/{MARK}@#?"


@dataclass(frozen=True)
class Place:
    """Where a part of the run may write, and its environment."""

    folder: Path
    environ: Mapping[str, str]
    repeating: int


@pytest.fixture
def place() -> Iterator[Place]:
    """A short path, for the supervisor's socket."""
    with tempfile.TemporaryDirectory(prefix="rl-") as name, repeating() as port:
        folder = Path(name)
        token = folder / "token"
        token.write_text(f"{MARK}-metrics")
        token.chmod(0o600)
        environ = {
            "REVIEWLENS_STATE_DIR": f"{name}/state",
            "REVIEWLENS_LOG_FORMAT": "json",
            "REVIEWLENS_LOG_LEVEL": "DEBUG",
            "TELEMETRY_METRICS_TOKEN_FILE": str(token),
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "300",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
            "OTEL_EXPORTER_OTLP_ENDPOINT": address(port),
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={MARK}-header,x-other=Bearer {MARK}-bearer",
            "OTEL_RESOURCE_ATTRIBUTES": f"token={MARK},service.namespace={MARK}",
            "GEMINI_API_KEY": f"{MARK}-gemini",
            "OPENAI_API_KEY": f"{MARK}-openai",
            "ANTHROPIC_API_KEY": f"{MARK}-claude",
            "REVIEWLENS_LLM_GEMINI_BASE_URL": address(port),
            "REVIEWLENS_LLM_OPENAI_BASE_URL": address(port),
            "REVIEWLENS_LLM_CLAUDE_BASE_URL": "https://claude.invalid",  # through the proxy alone
            "HTTPS_PROXY": f"http://user:{MARK}@127.0.0.1:{port}",
        }
        yield Place(folder, environ, port)


def command(place: Place, *words: str, **environ: str) -> bytes:
    """What a command says; how it ends is the matter of other tests."""
    done = subprocess.run(
        [REVIEWLENS, *words],
        cwd=ROOT,
        env={**os.environ, **place.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    assert done.stdout
    return done.stdout


def expect_no_mark(place: Place, *said: bytes) -> None:
    """Beside the user's own token, which nobody else may read, no file has one."""
    for text in said:
        assert marks_in(text) == [], text.decode(errors="replace")
    assert set(marked_files(place.folder)) == {"token"}
    assert (place.folder / "token").stat().st_mode & 0o777 == 0o600


def whole_dialogue(url: str) -> None:
    """To its verdict, for which every provider is asked."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        turn = client.post("/api/sessions", json={"product_id": "chair"}).raise_for_status().json()
        path = f"/api/sessions/{turn['session_id']}/turns"
        while not turn.get("is_final"):
            turn = client.post(path, json={"answer": "소음이 제일 걱정돼요"}).raise_for_status().json()


def test_the_mark_is_found_in_every_form() -> None:
    """A search that finds nothing would hold for everything."""
    from base64 import b64encode

    for form in (
        MARK.encode(),
        MARK.upper().encode(),
        f"%7{MARK[:1].encode().hex()[1]}{MARK[1:]}".encode(),
        *(b"Basic " + b64encode(f"{'u' * n}:{MARK}".encode()) for n in range(3)),
    ):
        assert marks_in(b"before " + form + b" after"), form
    assert marks_in(b"nothing of the kind, YWJjZGVmZ2hpamtsbW5vcA==") == []


def test_the_service_writes_no_secret(place: Place) -> None:
    """Two workers, JSON, the lowest level; pushes, providers and the proxy refuse in the words they got; then
    Redis goes away."""
    port = free_port()
    serve = [REVIEWLENS, "serve", "--workers=2", f"--port={port}"]
    with redis_server(password=PASSWORD) as server:
        environ = {**place.environ, "REVIEWLENS_SESSION_STORE": server.url}
        with run(serve, f"http://127.0.0.1:{port}", "/readyz", env=environ) as service:
            whole_dialogue(service.url)
            wait_for("a push of each kind", lambda: service.log.read_text().count("fails: ") >= 2)
            server.process.kill()
            server.process.wait()
            answer = httpx.get(f"{service.url}/readyz", timeout=60, trust_env=False).content
            httpx.post(
                f"{service.url}/api/sessions", json={"product_id": "chair"}, trust_env=False, timeout=60
            )
            log = service.log
            service.process.terminate()
            service.process.wait(60)
            said = log.read_bytes()
    for provider in ("gemini", "openai", "claude"):
        assert f"provider={provider} status=error".encode() in said
    assert b"redis://127.0.0.1" in said
    expect_no_mark(place, said, answer)


def test_commands_write_no_secret(place: Place) -> None:
    """The doctor in both forms, an import, and a demo against what refuses it."""
    asked = address(place.repeating)
    looked = ("doctor", "--timeout=2", f"--prometheus={asked}", f"--metrics-url={asked}")
    grpc = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"user:{MARK}@127.0.0.1:{place.repeating}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    expect_no_mark(
        place,
        command(place, *looked),
        command(place, *looked, "--json"),
        command(place, "doctor", "--timeout=2", **grpc),
        command(place, "doctor", "--offline", OTEL_RESOURCE_ATTRIBUTES=MARK),
        command(place, "doctor", "--offline", OTEL_EXPORTER_OTLP_HEADERS=MARK),
        command(place, "ingest", str(ROOT / "app/reviews/samples")),
        command(place, "demo", "--quick", f"--api-url={asked}", f"--prometheus-url={asked}"),
        command(place, "demo", "--quick", f"--api-url={address(free_port())}"),
        command(place, "serve", OTEL_RESOURCE_ATTRIBUTES=MARK),
        command(place, "serve", REVIEWLENS_SESSION_STORE=f"redis://:pa/{MARK}@host:x/0"),
    )


@pytest.mark.timeout(600)
def test_the_stack_writes_no_secret(place: Place) -> None:
    """Up, up with other secrets, status, down: what is said, the run folder, and what is stored."""
    environ = {**place.environ, **own_stack.environment(place.folder)}
    other = {**environ, "OTEL_RESOURCE_ATTRIBUTES": f"token={MARK}-2"}
    other["OTEL_EXPORTER_OTLP_ENDPOINT"] = address(free_port())
    try:
        done = [own_stack.run("up", environ), own_stack.run("up", other), own_stack.run("status", environ)]
        expect_no_mark(place)
    finally:
        done.append(own_stack.run("down", environ))
    said = [f"{each.stdout}\n{each.stderr}".encode() for each in done]
    assert done[0].returncode == 0, said[0].decode()
    assert b"OTEL_RESOURCE_ATTRIBUTES" in said[1]
    expect_no_mark(place, *said)


def _exporting(environ: Mapping[str, str]) -> None:
    settings = load({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "otlp", **environ})
    for signal in ("metrics", "traces"):
        otlp.target(signal, environ)
    resource(settings, environ)


READERS: tuple[Callable[[Mapping[str, str]], object], ...] = (
    lambda _: AppSettings.from_env(),
    lambda _: LLMSettings.from_env(),
    _exporting,
    stack_settings.StackSettings.from_env,
)
FAULTS = (AppSettingsError, SettingsError, StackError)


@pytest.mark.parametrize("value", [*MALFORMED, f"{MARK}"])
def test_no_malformed_setting_is_shown_with_its_secret(
    value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of each setting, one at a time. A bare word is secret in those that hold nothing else."""
    caplog.set_level(logging.DEBUG)
    names = known() | {"OTEL_RESOURCE_ATTRIBUTES", *stack_settings.variables()}
    told = []
    for name in sorted(names):
        if value == MARK and not any(word in name for word in ("API_KEY", "HEADERS", "ATTRIBUTES")):
            continue
        monkeypatch.setenv(name, value)
        for reader in READERS:
            try:
                reader({name: value})
            except FAULTS as fault:
                told.append(str(fault))
        monkeypatch.delenv(name)
    assert told
    assert [line for line in (*told, caplog.text) if marks_in(line.encode())] == []
