"""Whether the API would start with its settings, asked before anything is fetched or started."""

from __future__ import annotations

import os
from collections.abc import Mapping

from app.llm.settings import LLMSettings
from app.settings import AppSettings, AppSettingsError
from scripts.stack.errors import StackError
from telemetry import access
from telemetry.settings import SettingsError


def check(given: Mapping[str, str]) -> None:
    """StackError in the words with which the API would end. `given`: what it gets beside the environment."""
    try:
        AppSettings.from_env()
        LLMSettings.from_env()
        access.usable({**os.environ, **given})
    except (AppSettingsError, SettingsError) as error:
        raise StackError(str(error)) from error
