"""Settings of the service: REVIEWLENS_*, for what has no standard name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.dialogue.store import MOST_LIVE
from app.expected import expected
from app.injected import own
from app.origins import origins
from telemetry.secrets import shown, without_secrets

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails
    from typing_extensions import Self

PREFIX = "REVIEWLENS_"
DATABASE = "reviewlens.db"
SQLITE = "sqlite"
MOST = 1_000_000_000
"""Of a number; seconds are some 30 years. Beyond it stores and clocks have no room."""
STORES = (
    "expected sqlite, or an address such as redis://user:password@host:6379/0, rediss:// or unix://, "
    "with @ : / ? # in a password percent-encoded"
)


class AppSettingsError(ValueError):
    """Unusable settings, a problem each: the key, the value and the expectation."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class EnvironmentSettings(BaseSettings):
    """Settings that this process's environment gives. An empty variable counts as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _own(cls, given: Any) -> Any:
        """Without what an orchestrator has set under a name of ours."""
        return own(given) if isinstance(given, dict) else given

    @classmethod
    def variables(cls) -> dict[str, FieldInfo]:
        """Every variable that is read, and its field."""
        prefix = cls.model_config.get("env_prefix", "")
        return {
            str(field.validation_alias or f"{prefix}{name.upper()}"): field
            for name, field in cls.model_fields.items()
        }

    @classmethod
    def from_env(cls) -> Self:
        """The settings of this process. AppSettingsError names every key that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            problems = [cls._said(problem) for problem in error.errors()]
        raise AppSettingsError(*problems)

    @classmethod
    def _said(cls, problem: ErrorDetails) -> str:
        """The key, the value without secrets, and the expectation."""
        place = str(problem["loc"][0])
        names = dict(zip(cls.model_fields, cls.variables(), strict=True))
        key = names.get(place, place)
        field = cls.variables()[key]
        return f"{key}={_given(field, problem['input'])}: {_expected(field, problem)}"


def _given(field: FieldInfo, value: Any) -> str:
    if not field.repr:
        return "***"
    return repr(without_secrets(value) if field.annotation is SecretStr else shown(value))


def _expected(field: FieldInfo, problem: ErrorDetails) -> str:
    """With the setting's meaning, where the words are not a validator's of its own."""
    words, meaning = expected(problem), str(field.description)
    if problem["type"] == "value_error":
        return words
    return f"expected {meaning}" if f"expected {meaning}".startswith(words) else f"{words} ({meaning})"


class AppSettings(EnvironmentSettings):
    """What the service itself needs to know."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    host: str = Field("127.0.0.1", description="address to listen on; loopback unless told otherwise")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    state_dir: Path = Field(Path(".run/state"), description="folder of the store and of what workers count")
    session_store: SecretStr = Field(
        SecretStr(SQLITE),
        description="where dialogues are kept: sqlite, a file in the state folder, for one machine; for many "
        "a Redis: redis://user:password@host:6379/0, rediss:// with TLS, unix://",
    )
    session_timeout: float = Field(
        1800, gt=0, le=MOST, description="seconds without an answer after which a session is abandoned"
    )
    max_sessions: int = Field(
        MOST_LIVE, ge=1, le=MOST, description="most dialogues that go on at one time, in all; above it a 503"
    )
    sessions_per_minute: int = Field(
        600,
        ge=0,
        le=MOST,
        description="most visits and dialogues that a client starts within a minute; above it a 429. 0: off",
    )
    samples: bool = Field(
        True,
        description="true or false: whether a store without an import gets the shipped samples at the start",
    )
    cors_origins: str = Field(
        "http://localhost:3000", description="origins of the shop's pages, by commas; * alone for every page"
    )
    log_format: Literal["text", "json"] = Field("text", description="text or json")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level logged")

    @field_validator("session_store")
    @classmethod
    def _store(cls, value: SecretStr) -> SecretStr:
        """Errors of urllib hold parts of what they could not read, so none of them is shown."""
        store = value.get_secret_value().strip()
        if not _is_store(store):
            raise ValueError(STORES)
        return SecretStr(store)

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        """As browsers send them: an origin that never matches would lock every page out without a word."""
        return ",".join(origins(value))

    @property
    def redis(self) -> str | None:
        """The address of the Redis that holds the sessions; None where the file does."""
        store = self.session_store.get_secret_value()
        return None if store == SQLITE else store

    @property
    def database(self) -> Path:
        """The file that holds sessions and imports."""
        return self.state_dir / DATABASE

    @property
    def origins(self) -> list[str]:
        """The origins that may call the API from a page."""
        return origins(self.cors_origins)


def _is_store(text: str) -> bool:
    if text == SQLITE:
        return True
    try:
        parts = urlsplit(text)
        named = bool(parts.path) if parts.scheme == "unix" else bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    database = parts.path.strip("/")
    whole = parts.scheme == "unix" or not database or database.isdecimal()
    plain = not parts.fragment and "password" not in parse_qs(parts.query)  # what hides it looks before the @
    return parts.scheme in ("redis", "rediss", "unix") and named and whole and plain
