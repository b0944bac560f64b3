"""The SDKs openai and anthropic, which one generator made: they share their options and their errors."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from app.llm.base import ErrorKind
from app.llm.sdk import detail_of, kind_of_status
from app.llm.settings import ProviderSettings
from app.llm.transport import client_options

# Error types that come inside a stream, where the status was 200 already.
_KIND_OF_TYPE: dict[str, ErrorKind] = {
    "authentication_error": "auth",
    "invalid_api_key": "auth",
    "permission_error": "auth",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "timeout_error": "timeout",
    "api_error": "server",
    "overloaded_error": "server",
    "server_error": "server",
}


def stainless_options(sdk: ModuleType, settings: ProviderSettings) -> dict[str, Any]:
    """The arguments of a client of `sdk`: one call is one attempt, without the SDK's retries."""
    return {
        "api_key": settings.api_key.get_secret_value(),
        "base_url": settings.base_url,
        "timeout": settings.timeout,
        "max_retries": 0,
        "http_client": sdk.DefaultAsyncHttpxClient(**client_options(settings)),
    }


def stainless_kind(sdk: ModuleType, exception: Exception) -> tuple[ErrorKind, str]:
    """Kind and detail of what a call of `sdk` raised; anything but an API error is an unreadable answer."""
    if isinstance(exception, sdk.APITimeoutError):
        return "timeout", ""
    if isinstance(exception, sdk.APIConnectionError):
        return "connection", ""
    if isinstance(exception, sdk.APIStatusError) and exception.status_code >= 400:
        return kind_of_status(exception.status_code), detail_of(exception.status_code, _type(exception.body))
    if isinstance(exception, sdk.APIError):
        error_type = _type(exception.body)
        return _KIND_OF_TYPE.get(error_type, "invalid_response"), detail_of(200, error_type)
    return "invalid_response", ""


def _type(body: Any) -> str:
    error = body.get("error", body) if isinstance(body, dict) else None
    value = error.get("code") or error.get("type") if isinstance(error, dict) else None
    return value if isinstance(value, str) else ""
