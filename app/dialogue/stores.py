"""The store of sessions that the settings ask for."""

from __future__ import annotations

from app.database import Database
from app.dialogue.store import SessionStore
from app.dialogue.store_sqlite import SqliteSessions
from app.settings import STORES, AppSettings, AppSettingsError
from telemetry.secrets import without_secrets


def open_sessions(settings: AppSettings, database: Database) -> SessionStore:
    """The store, of which nothing has been asked yet. AppSettingsError where its address cannot be used."""
    if settings.redis is None:
        return SqliteSessions(database, settings.session_timeout, most_live=settings.max_sessions)
    from app.dialogue.store_redis import RedisSessions  # costs 0.1 s, which only its users pay

    try:
        return RedisSessions(settings.redis, settings.session_timeout, most_live=settings.max_sessions)
    except (TypeError, ValueError) as error:  # their words may hold parts of the address
        given = without_secrets(settings.redis)
        option = "; or an option after the ? is none of redis-py's" if "?" in settings.redis else ""
        raise AppSettingsError(f"REVIEWLENS_SESSION_STORE={given!r}: {STORES}{option}") from error
