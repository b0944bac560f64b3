"""SDKs are heavy, and imported only when they are used."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest
from pydantic import SecretStr

from app.llm.base import LLMError, Prompt
from app.llm.chain import build_client
from app.llm.settings import ProviderSettings

CODE = """
import sys
from app.llm import LLMSettings, build_chain
chain = build_chain(LLMSettings(simulator_url="http://127.0.0.1:9", providers={providers!r}))
if {warm}:
    import asyncio
    asyncio.run(chain.warm())
print(*[name for name in ("openai", "anthropic", "google.genai") if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("providers", "warm", "loaded"),
    [
        ("gemini,openai,claude", False, ""),
        ("openai", True, "openai"),
        ("gemini,openai,claude", True, "openai anthropic google.genai"),
    ],
)
def test_importing_and_building_loads_no_sdk(providers: str, warm: bool, loaded: str) -> None:
    """Only warming, or an attempt, loads the SDKs, and only those of the providers in the order."""
    code = CODE.format(providers=providers, warm=warm)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded


@pytest.mark.parametrize(
    ("provider", "module"), [("gemini", "google.genai"), ("openai", "openai"), ("claude", "anthropic")]
)
def test_a_missing_sdk_is_a_failed_attempt(
    provider: str, module: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken installation of one SDK stops neither the start nor the fallback to the next provider."""
    monkeypatch.setitem(sys.modules, module, None)
    client = build_client(ProviderSettings(provider, "m", SecretStr("k")))
    with caplog.at_level(logging.WARNING, "app.llm"):
        asyncio.run(client.warm())
    assert caplog.messages == [f"llm provider={provider} cannot load its SDK: ModuleNotFoundError"]
    with pytest.raises(LLMError) as caught:
        asyncio.run(client.complete(Prompt("", "")))
    assert caught.value.kind == "connection"
    assert str(caught.value).endswith(f"its SDK cannot be imported, {module} is missing")
