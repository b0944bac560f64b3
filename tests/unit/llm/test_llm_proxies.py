"""A proxy of the environment that cannot be used: said once, by its variable, and by every attempt."""

from __future__ import annotations

import asyncio
import logging

import pytest
from pydantic import SecretStr

from app.llm import proxies
from app.llm.base import LLMError, Prompt
from app.llm.chain import build_chain, build_client
from app.llm.settings import PROVIDERS, LLMSettings, ProviderSettings

SECRET = "me:pass-word"
SOCKS4 = f"socks4://{SECRET}@127.0.0.1:9"
NO_SOCKS4 = "all_proxy names a proxy of scheme 'socks4', expected one of http, https, socks5, socks5h"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{kind}_proxy", raising=False)
        monkeypatch.delenv(f"{kind}_proxy".upper(), raising=False)


@pytest.mark.parametrize(
    ("variable", "url", "fault"),
    [
        ("all_proxy", SOCKS4, NO_SOCKS4),
        (
            "ALL_PROXY",
            "socks://127.0.0.1:9",
            NO_SOCKS4.replace("all_proxy", "ALL_PROXY").replace("socks4'", "socks'"),
        ),
        ("HTTPS_PROXY", "http://127.0.0.1:nine", "HTTPS_PROXY is no URL of a proxy"),
        ("http_proxy", "http://", "http_proxy is no URL of a proxy"),
        ("http_proxy", "127.0.0.1:9", ""),
        ("https_proxy", f"HTTPS://{SECRET}@proxy", ""),
        ("all_proxy", "socks5h://127.0.0.1:9", ""),
        ("ftp_proxy", "ftp://127.0.0.1:9", ""),
    ],
)
def test_what_is_wrong_with_a_proxy(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str, fault: str
) -> None:
    """The variable, and the scheme or the package; never the address, which may hold a password."""
    monkeypatch.setenv(variable, url)
    assert proxies.fault() == fault


def test_no_proxy_for_any_host_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HTTP clients take it: NO_PROXY=* is the only one that keeps them from making the proxy's part."""
    monkeypatch.setenv("all_proxy", SOCKS4)
    monkeypatch.setenv("no_proxy", "localhost, *")
    assert proxies.fault() == ""


def refused(provider: ProviderSettings) -> LLMError:
    async def ask() -> None:
        client = build_client(provider)
        await client.warm()
        try:
            await client.complete(Prompt("", ""))
        finally:
            await client.aclose()

    with pytest.raises(LLMError) as caught:
        asyncio.run(ask())
    return caught.value


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_attempt_names_the_proxy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No answer came that could be invalid: it is a matter of the connection."""
    monkeypatch.setenv("all_proxy", SOCKS4)
    error = refused(ProviderSettings(name, "m", SecretStr("k"), "http://127.0.0.1:9"))
    assert (error.kind, str(error)) == ("connection", f"{name}: connection: {NO_SOCKS4}")


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Of a proxy that could be used with it, and not as if the SDK were at fault."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    error = refused(ProviderSettings(name, "m", SecretStr("k"), "http://127.0.0.1:9"))
    assert str(error) == (
        f"{name}: connection: ALL_PROXY names a socks5 proxy, which needs the package httpx[socks]"
    )


def test_the_chain_says_it_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One line at the start for all providers; none where a proxy is not used."""
    monkeypatch.setenv("all_proxy", SOCKS4)
    keys = {"openai_api_key": "k", "claude_api_key": "k", "gemini_api_key": "k"}
    no_keys = dict.fromkeys(keys)

    async def start(**values: object) -> None:
        chain = build_chain(LLMSettings.model_validate(values))
        await chain.warm()
        await chain.aclose()

    with caplog.at_level(logging.WARNING, "app.llm"):
        asyncio.run(start(**keys))
    assert caplog.messages == [f"no LLM provider can be asked: {NO_SOCKS4}"]
    caplog.clear()
    with caplog.at_level(logging.ERROR, "app.llm"):
        asyncio.run(start(simulator_url="http://127.0.0.1:9", **no_keys))
    assert caplog.messages == []
