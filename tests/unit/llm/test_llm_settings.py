"""LLM settings: which providers are asked, in which order, and what a wrong setting says."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from app.llm.settings import LLMSettings, ProviderSettings
from app.settings import AppSettingsError


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any setting of ours."""
    for name in ("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PROVIDERS", "DEADLINE", "SIMULATOR_URL", "GEMINI_MODEL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(f"REVIEWLENS_LLM_{name}", raising=False)


def test_nothing_is_configured_without_a_key() -> None:
    """The default order stands, but nobody can be asked, and nothing is simulated unasked."""
    settings = LLMSettings.from_env()
    assert settings.order == ("gemini", "openai", "claude")
    assert settings.configured == ()
    assert not settings.simulated


def test_providers_with_a_key_are_asked_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model, address and patience of each are its own settings'; a key is stripped; without one: left out."""
    monkeypatch.setenv("REVIEWLENS_LLM_PROVIDERS", " claude, gemini ,openai")
    monkeypatch.setenv("REVIEWLENS_LLM_OPENAI_BASE_URL", "https://llm.example.com/v1/")
    monkeypatch.setenv("REVIEWLENS_LLM_OPENAI_TIMEOUT", "3.5")
    monkeypatch.setenv("REVIEWLENS_LLM_CLAUDE_MODEL", "claude-x")
    monkeypatch.setenv("OPENAI_API_KEY", "key-o\n")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-c")
    monkeypatch.setenv("GEMINI_API_KEY", "")
    assert LLMSettings.from_env().configured == (
        ProviderSettings("claude", "claude-x", SecretStr("key-c")),
        ProviderSettings(
            "openai", "gpt-5.4-mini", SecretStr("key-o"), base_url="https://llm.example.com/v1", timeout=3.5
        ),
    )


def test_the_simulator_stands_in_for_all_when_no_key_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each provider of the order gets its address on the simulator and a dummy key, past any proxy."""
    monkeypatch.setenv("REVIEWLENS_LLM_SIMULATOR_URL", "http://127.0.0.1:8090")
    settings = LLMSettings.from_env()
    assert settings.simulated
    assert [(one.name, one.base_url, one.direct) for one in settings.configured] == [
        ("gemini", "http://127.0.0.1:8090", True),
        ("openai", "http://127.0.0.1:8090/v1", True),
        ("claude", "http://127.0.0.1:8090", True),
    ]
    assert {one.api_key.get_secret_value() for one in settings.configured} == {"simulated"}


def test_a_key_turns_the_simulator_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one real key, only that real provider is asked, at its own address."""
    monkeypatch.setenv("REVIEWLENS_LLM_SIMULATOR_URL", "http://127.0.0.1:8090")
    monkeypatch.setenv("OPENAI_API_KEY", "key-o")
    settings = LLMSettings.from_env()
    assert not settings.simulated
    assert settings.configured == (ProviderSettings("openai", "gpt-5.4-mini", SecretStr("key-o")),)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (
            "PROVIDERS",
            "gemini,chatgpt",
            "expected some of gemini, openai, claude, by commas, each once; there is no provider 'chatgpt'",
        ),
        ("PROVIDERS", "gemini,openai,gemini", "'gemini' stands twice"),
        ("DEADLINE", "0", "expected more than 0"),
        ("DEADLINE", "inf", "expected 1000000000 or less"),
        ("GEMINI_TIMEOUT", "soon", "expected a number"),
        ("SIMULATOR_URL", "localhost:8090", "expected a URL of scheme http or https"),
    ],
)
def test_a_wrong_setting_says_key_value_and_expectation(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, says: str
) -> None:
    """The error is enough to mend the environment, and tells nothing of the keys in it."""
    monkeypatch.setenv(f"REVIEWLENS_LLM_{key}", value)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-mine")
    with pytest.raises(AppSettingsError) as caught:
        LLMSettings.from_env()
    assert f"REVIEWLENS_LLM_{key}={value!r}: " in str(caught.value)
    assert says in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_keys_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings nor what is made of them shows a key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-mine")
    settings = LLMSettings.from_env()
    assert "sk-secret" not in f"{settings!r} {settings} {settings.configured!r} {settings.model_dump_json()}"
