"""A client that leaves amid its body: a 499, and no error of the API's."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from support.live import serving
from support.servers import wait_for

from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import AppSettings
from telemetry.testing import Recorded

HALF = (
    b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
)


def test_who_leaves_amid_a_body_sent_nothing_wrong(
    state_dir: Path, metrics: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI makes a 400 of it, which nobody receives: no validation error is counted for it."""
    monkeypatch.delenv("REVIEWLENS_LLM_SIMULATOR_URL", raising=False)
    with serving(create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)) as url:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 10) as client:
                client.sendall(HALF)
        counted = {"method": "POST", "endpoint": "/api/sessions", "status_code": "499"}
        gone = frozenset(counted.items())
        wait_for("the clients that left", lambda: metrics.series("http_requests_total").get(gone) == 3)
    assert metrics.value("errors_total", error_type="validation", component="api") == 0
