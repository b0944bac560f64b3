"""Every command of the runbooks as it is written: it works on a running stack, and finds what it is for.
So do the blocks of other pages that are marked `in-stack`."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.own_stack import environment
from support.pages import blocks
from support.servers import HTTP, ROOT, wait_for

from app.ports import PORTS
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack
from telemetry.logs import JsonFormatter, TextFormatter, access

LOOKS = sorted(
    {
        command.strip()
        for block in blocks("sh", "bash")
        if block.mark == "in-stack" or (block.page.startswith("monitoring/runbooks/") and not block.mark)
        for command in block.code.replace("\\\n", " ").strip().splitlines()
        if "https://" not in command  # a provider's own address
    }
)
SEARCHES = {"'label sets'": "has as many label sets", "telemetry": "telemetry fault in record"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Its pushes fail, and its log says so."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder, pytest.MonkeyPatch.context() as patch:
        pushing = {
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_METRIC_EXPORT_INTERVAL": "200",
        }
        for name, value in {**environment(Path(folder)), **pushing}.items():
            patch.setenv(name, value)
        stack = Stack(StackSettings.from_env(), lambda _: None)
        try:
            stack.up()
            wait_for("a push to fail", lambda: "pushing" in stack.settings.log("api").read_text())
            yield stack
        finally:
            stack.down()


def done(command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environ}
    return subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", [look for look in LOOKS if "label sets" not in look])
def test_a_command_of_a_runbook_works(stack: Stack, command: str) -> None:
    """On this stack's ports. The service answers, and refuses nothing; a doctor finds that pushes fail."""
    ports = {str(default): str(stack.settings.ports[name]) for name, (_, default) in PORTS.items()}
    command = re.sub(r"(?<=localhost:)\d+", lambda port: ports[port[0]], command)
    if "<session_id>" in command:
        made = HTTP.post(f"{stack.settings.url('api')}/api/sessions", json={"product_id": "robot_cleaner"})
        command = command.replace("<session_id>", made.json()["session_id"])
    ran = done(command)
    assert (ran.returncode, ran.stderr) == (int("doctor" in command), "")
    assert ran.stdout
    assert not re.search(r'HTTP/1.1 [45]|"detail"', ran.stdout)


@pytest.mark.parametrize("style", [TextFormatter, JsonFormatter])
@pytest.mark.parametrize("command", [look for look in LOOKS if "| grep" in look])
def test_a_search_finds_the_line_of_a_spell_and_no_request(
    command: str, style: type[logging.Formatter], tmp_path: Path
) -> None:
    """Ten thousand requests later, in both formats of the log."""
    handler = logging.FileHandler(tmp_path / "api.log")
    handler.setFormatter(style())
    telemetry, requests = logging.getLogger("telemetry"), logging.getLogger("telemetry.access")
    for word in SEARCHES.values():
        handler.handle(telemetry.makeRecord(telemetry.name, logging.ERROR, "", 1, f"metric {word}", (), None))
    requests.addHandler(handler)
    level = requests.level
    requests.setLevel(logging.INFO)
    for _ in range(10_000):
        access(requests, "GET", "/healthz", 200, 0.001, "")
    requests.setLevel(level)
    requests.removeHandler(handler)
    handler.close()
    (tmp_path / "logs").mkdir()
    (tmp_path / "api.log").rename(tmp_path / "logs" / "api.log")
    lines = done(command, REVIEWLENS_RUN_DIR=str(tmp_path)).stdout.splitlines()
    (expected,) = (words for part, words in SEARCHES.items() if re.search(rf"grep .*{part}", command))
    assert any(expected in line for line in lines)
    assert not any("/healthz" in line for line in lines)
