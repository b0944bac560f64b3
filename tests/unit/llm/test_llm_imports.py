"""SDKs are heavy, and imported only when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
