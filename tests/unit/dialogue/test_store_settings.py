"""REVIEWLENS_SESSION_STORE: what is taken, what is refused, and that no secret in it is shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.database import Database
from app.dialogue.stores import open_sessions
from app.settings import AppSettings, AppSettingsError
from telemetry.secrets import without_secrets

SECRET = "geheimnis"
BAD = [
    "redis",
    "postgres://host/0",
    "redis://",
    "redis://:6379/0",
    "redis://host:port/0",
    "redis://host:99999",
    "redis://host/zero",
    f"redis://:{SECRET}/x@host:6379/0",
    f"redis://:{SECRET}#x@host:6379/0",
    f"redis://:{SECRET}?x@host:6379/0",
    f"redis://:{SECRET}",
    f"redis://host:6379/0?password={SECRET}",
    "unix://",
]


@pytest.mark.parametrize("value", BAD)
def test_a_value_that_is_no_store_is_told_without_its_secret(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is expected; a password that was not encoded is what is wrong most often."""
    monkeypatch.setenv("REVIEWLENS_SESSION_STORE", value)
    with pytest.raises(AppSettingsError) as wrong:
        AppSettings.from_env()
    line = str(wrong.value)
    assert line.startswith(
        f"REVIEWLENS_SESSION_STORE={without_secrets(value)!r}: expected sqlite, or an address"
    )
    assert "percent-encoded" in line
    assert SECRET not in line


@pytest.mark.parametrize("option", ["colour=red", "socket_timeout=soon", f"secret={SECRET}"])
def test_an_option_that_is_none_is_told(option: str, database: Database) -> None:
    """At the start, not with the first shopper."""
    settings = AppSettings(session_store=f"redis://:{SECRET}@host:6379/0?{option}")
    with pytest.raises(
        AppSettingsError, match=r"REVIEWLENS_SESSION_STORE='redis://host:6379/0': expected"
    ) as wrong:
        open_sessions(settings, database)
    assert "an option after the ? is none of redis-py's" in str(wrong.value)
    assert SECRET not in str(wrong.value)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "store.db")


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("sqlite", None),
        ("", None),
        (" redis://host ", "redis://host"),
        (
            "rediss://user:p%40ss@host:6380/1?ssl_ca_certs=/ca.pem",
            "rediss://user:p%40ss@host:6380/1?ssl_ca_certs=/ca.pem",
        ),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
    ],
)
def test_a_value_that_is_a_store(value: str, address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one is SQLite's; settings show none of it when they are printed."""
    monkeypatch.setenv("REVIEWLENS_SESSION_STORE", value)
    settings = AppSettings.from_env()
    assert settings.redis == address
    assert "p%40ss" not in repr(settings)


@example("://", False)
@given(st.text("abc@:/?#%&= é", min_size=1), st.booleans())
def test_no_part_of_a_password_is_shown(text: str, encoded: bool) -> None:
    """Whatever it is made of, encoded or not, in front of the host or as an option."""
    password = f"S{text}S".replace("a", "SECRET")
    given_as = quote(password, safe="") if encoded else password
    for url in (
        f"redis://user:{given_as}@host:6379/0",
        f"redis://host:6379/0?password={given_as}",
        f"user:{given_as}@host:6379",
        f"redis://:{given_as.replace('@', '')}",
    ):
        assert "S" not in without_secrets(url), url
