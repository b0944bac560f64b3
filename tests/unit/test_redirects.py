"""Redirects stay on the service, whatever the client says that its name is."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.testclient import TestClient

from app.api.redirects import RelativeRedirects
from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import AppSettings
from telemetry.testing import Recorded


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/docs/", "/docs"),
        ("/api/products/?a=//b&c=%2F", "/api/products?a=//b&c=%2F"),
        ("/api/products/%EC%9D%98/", "/api/products/%EC%9D%98"),
        ("/static-offline-docs", "/static-offline-docs/"),
    ],
)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "a/b", "evil//evil.example", "x@y", "[a", ""]
)
def test_a_redirect_names_no_host(
    state_dir: Path, metrics: Recorded, path: str, location: str, host: str
) -> None:
    """Neither in front of the path, nor as one that begins with two slashes."""
    app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)
    client = TestClient(app, follow_redirects=False)
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 307
    there = answer.headers["location"]
    assert there.startswith("/")
    assert not there.startswith("//")
    assert "evil" not in there or "/" in host
    assert there.endswith(location)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("https://evil.example/a?b=c", "/a?b=c"),
        ("//evil.example/a", "/a"),
        ("https://[evil.example/a", "/a"),
        ("https://evil.example/\\evil.example", "/%5Cevil.example"),
        ("a/b", "a/b"),
        ("https://evil.example", "/"),
        ("/a#b", "/a#b"),
    ],
)
def test_no_redirect_leaves_the_service(given: str, left: str) -> None:
    """Whoever made it."""
    app = FastAPI()
    app.add_middleware(RelativeRedirects)
    app.get("/")(lambda: RedirectResponse(given))
    assert TestClient(app, follow_redirects=False).get("/").headers["location"] == left
