"""The stores of sessions, each with its real server."""

from support.session_stores import redis, stores

__all__ = ["redis", "stores"]
