"""Settings of the service: REVIEWLENS_*, for what has no standard name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from typing_extensions import Self

PREFIX = "REVIEWLENS_"
DATABASE = "reviewlens.db"


class AppSettingsError(ValueError):
    """A setting that cannot be used: says the key, the value and what is expected."""


class EnvironmentSettings(BaseSettings):
    """Settings that this process's environment gives. An empty variable counts as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    @classmethod
    def from_env(cls) -> Self:
        """The settings of this process. AppSettingsError names every key that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix", "")
            problems = [
                f"{prefix}{str(problem['loc'][0]).upper()}={problem['input']!r}: "
                + problem["msg"].removeprefix("Value error, ")
                for problem in error.errors()
            ]
        raise AppSettingsError("; ".join(problems))


class AppSettings(EnvironmentSettings):
    """What the service itself needs to know."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    host: str = Field("127.0.0.1", description="address to listen on; loopback unless told otherwise")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    state_dir: Path = Field(
        Path(".run/state"), description="folder of the store: sessions and what was imported"
    )
    session_timeout: float = Field(
        1800, gt=0, description="seconds without an answer after which a session is abandoned"
    )
    cors_origins: str = Field("http://localhost:3000", description="origins of the shop's pages, by commas")
    log_format: Literal["text", "json"] = Field("text", description="text or json")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level logged")

    @property
    def database(self) -> Path:
        """The file that holds sessions and imports."""
        return self.state_dir / DATABASE

    @property
    def origins(self) -> list[str]:
        """The origins that may call the API from a page."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]
