"""Settings of the LLM part: providers, their order, models, addresses, time-outs and keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from app.settings import MOST, EnvironmentSettings
from telemetry.secrets import shown

PREFIX = "REVIEWLENS_LLM_"
# Each provider, in the default order, and the variable of its key.
KEYS = {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY", "claude": "ANTHROPIC_API_KEY"}
PROVIDERS = tuple(KEYS)
ORDER = f"expected some of {', '.join(PROVIDERS)}, by commas, each once"
# Where each provider's API begins on the simulator, as the SDKs expect their base URLs.
SIMULATOR_PATHS = {"gemini": "", "openai": "/v1", "claude": ""}
SIMULATOR_KEY = SecretStr("simulated")
KEY_EXPECTED = "expected a key of letters, digits and signs of ASCII, without blanks or line breaks"
_KEY = re.compile(r"[!-~]*")


def _key(value: SecretStr | None) -> SecretStr | None:
    """As a header can carry it. A key from a file often ends in a newline, which goes."""
    key = value.get_secret_value().strip() if value else ""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{KEY_EXPECTED}; something else stands within it")
    return SecretStr(key)


Key = Annotated[SecretStr | None, AfterValidator(_key)]


def keyless(providers: str, keys: Mapping[str, str | None]) -> bool:
    """Whether none of the providers, by commas, has a key: then a simulator may answer for them."""
    return not any((keys.get(name.strip()) or "").strip() for name in providers.split(","))


@dataclass(frozen=True)
class ProviderSettings:
    """One provider.

    `base_url` None: the provider's own address. `timeout`: seconds for one attempt, first byte to last.
    `direct`: ignore the environment's proxies.
    """

    name: str
    model: str
    api_key: SecretStr = field(repr=False)
    base_url: str | None = None
    timeout: float = 10.0
    direct: bool = False


class LLMSettings(EnvironmentSettings):
    """REVIEWLENS_LLM_*, and the API keys by the names that the providers gave them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, populate_by_name=True)

    providers: str = Field(default=",".join(PROVIDERS), description="order in which providers are tried")
    deadline: float = Field(
        default=25.0, gt=0, le=MOST, description="seconds for all attempts of one verdict"
    )
    simulator_url: HttpUrl | None = Field(
        default=None, description="LLM simulator, used when no API key is set"
    )

    gemini_model: str = Field(default="gemini-3.1-flash-lite", description="model asked of Gemini")
    gemini_base_url: HttpUrl | None = Field(default=None, description="other address of the Gemini API")
    gemini_timeout: float = Field(
        default=10.0, gt=0, le=MOST, description="seconds for one attempt at Gemini"
    )
    gemini_api_key: Key = Field(
        None, validation_alias="GEMINI_API_KEY", description="key of the Gemini API", repr=False
    )

    openai_model: str = Field(default="gpt-5.4-mini", description="model asked of OpenAI")
    openai_base_url: HttpUrl | None = Field(
        default=None, description="other address of the OpenAI API, with its /v1"
    )
    openai_timeout: float = Field(
        default=10.0, gt=0, le=MOST, description="seconds for one attempt at OpenAI"
    )
    openai_api_key: Key = Field(
        None, validation_alias="OPENAI_API_KEY", description="key of the OpenAI API", repr=False
    )

    claude_model: str = Field(default="claude-haiku-4-5", description="model asked of Anthropic")
    claude_base_url: HttpUrl | None = Field(default=None, description="other address of the Anthropic API")
    claude_timeout: float = Field(
        default=10.0, gt=0, le=MOST, description="seconds for one attempt at Anthropic"
    )
    claude_api_key: Key = Field(
        None, validation_alias="ANTHROPIC_API_KEY", description="key of the Anthropic API", repr=False
    )

    @field_validator("providers")
    @classmethod
    def _known(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",") if name.strip()]
        for name in names:
            if name not in PROVIDERS:
                raise ValueError(f"{ORDER}; there is no provider {shown(name)!r}")
            if names.count(name) > 1:
                raise ValueError(f"{ORDER}; {name!r} stands twice")
        return ",".join(names)

    @property
    def order(self) -> tuple[str, ...]:
        """The providers to try, in order, whether they have a key or not."""
        return tuple(name for name in self.providers.split(",") if name)

    @property
    def simulated(self) -> bool:
        """Whether the simulator answers for the providers: its address is set and no key of the order is."""
        secrets = {name: self._key(name) for name in self.order}
        keys = {name: key.get_secret_value() if key else None for name, key in secrets.items()}
        return self.simulator_url is not None and keyless(self.providers, keys)

    @property
    def configured(self) -> tuple[ProviderSettings, ...]:
        """The usable providers, in order: those with a key, or all of them when simulated."""
        return tuple(
            ProviderSettings(
                name=name,
                model=getattr(self, f"{name}_model"),
                api_key=key,
                base_url=self._base_url(name),
                timeout=getattr(self, f"{name}_timeout"),
                direct=self.simulated,
            )
            for name in self.order
            if (key := SIMULATOR_KEY if self.simulated else self._key(name))
        )

    def _key(self, name: str) -> SecretStr | None:
        key: SecretStr | None = getattr(self, f"{name}_api_key")
        return key

    def _base_url(self, name: str) -> str | None:
        if self.simulated:
            return str(self.simulator_url).rstrip("/") + SIMULATOR_PATHS[name]
        url: HttpUrl | None = getattr(self, f"{name}_base_url")
        return str(url).rstrip("/") if url else None
