"""What is checked before any worker starts: whether the metrics can be served as the settings say."""

from __future__ import annotations

from telemetry import listener
from telemetry.bearer import TokenFile
from telemetry.settings import Settings


def check(settings: Settings) -> None:
    """Raise SettingsError where the token's file, or the port of the metrics, cannot be used."""
    if settings.prometheus and settings.token_file:
        TokenFile(settings.token_file).read()
    listener.check(settings)
