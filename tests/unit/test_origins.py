"""Origins of pages: written as browsers send them, or refused; never taken and never matched."""

from __future__ import annotations

import unicodedata

import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.testclient import TestClient

from app.origins import origins
from app.settings import AppSettings, AppSettingsError

KEY = "REVIEWLENS_CORS_ORIGINS"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://shop.example", ["https://shop.example"]),
        ("https://shop.example/", ["https://shop.example"]),
        ("HTTPS://Shop.Example", ["https://shop.example"]),
        ('"https://shop.example"', ["https://shop.example"]),
        ("'https://a.example, https://b.example/'", ["https://a.example", "https://b.example"]),
        ('"https://a.example","https://b.example"', ["https://a.example", "https://b.example"]),
        (" https://a.example ,, https://a.example/ ", ["https://a.example"]),
        ("https://a.example:443,http://a.example:80", ["https://a.example", "http://a.example"]),
        ("https://a.example:80,http://a.example:443", ["https://a.example:80", "http://a.example:443"]),
        ("http://localhost:3000", ["http://localhost:3000"]),
        ("http://192.168.0.7:8080", ["http://192.168.0.7:8080"]),
        ("http://[::1]:3000", ["http://[::1]:3000"]),
        ("https://상점.한국", ["https://xn--hg4bs7k.xn--3e0b707e"]),
        (unicodedata.normalize("NFD", "https://상점.한국"), ["https://xn--hg4bs7k.xn--3e0b707e"]),
        ("https://BÜCHER.example", ["https://xn--bcher-kva.example"]),
        ("https://my_shop.example", ["https://my_shop.example"]),
        ("capacitor://localhost", ["capacitor://localhost"]),
        ("*", ["*"]),
        ("'*'", ["*"]),
        (",", []),
    ],
)
def test_an_origin_is_read_as_a_browser_sends_it(text: str, read: list[str]) -> None:
    """Quotes of an env file, a slash at the end, capitals, the scheme's own port, names in other scripts."""
    assert origins(text) == read
    assert origins(",".join(read)) == read


@pytest.mark.parametrize(
    "text",
    [
        "shop.example",
        "localhost:3000",
        "//shop.example",
        "https://",
        "https:///",
        "https://shop.example/pages",
        "https://shop.example?q",
        "https://shop.example?",
        "https://shop.example#top",
        "https://user:s3cret@shop.example",
        "https://shop.example:0",
        "https://shop.example:99999",
        "https://shop.example:http",
        "https://*.shop.example",
        "https://a.example https://b.example",
        "https://a.example;https://b.example",
        '["https://a.example"]',
        "http://[::1",
        "https://shop..한국",
        "null",
        "NULL",
        "*,https://shop.example",
        "https://shop.example, shop.example",
    ],
)
def test_what_could_never_match_is_refused_by_key(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, with the value and what was expected; a password in it is not shown."""
    monkeypatch.setenv(KEY, text)
    with pytest.raises(AppSettingsError) as refused:
        AppSettings.from_env()
    assert str(refused.value).startswith(f"{KEY}=")
    assert "expected origins such as https://shop.example, " in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("text", ["https://Shop.Example/", '"https://shop.example:443"', "*"])
def test_a_page_gets_its_answer(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The framework's own comparison, with the header of a browser."""
    monkeypatch.setenv(KEY, text)
    app = Starlette()
    app.add_middleware(CORSMiddleware, allow_origins=AppSettings.from_env().origins, allow_methods=["*"])
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    assert TestClient(app).options("/", headers=asked).status_code == 200
