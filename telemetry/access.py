"""What is checked before any worker starts: a worker that ends at it would be started again, for ever."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry import groupfolders, listener, otlp
from telemetry.bearer import TokenFile
from telemetry.resource import resource
from telemetry.settings import Settings, load


def check(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for a variable that cannot be used, or a port of the metrics that is taken now."""
    listener.check(usable(environ))


def usable(environ: Mapping[str, str]) -> Settings:
    """The settings, whoever runs now. Raises SettingsError for a variable that cannot be used."""
    settings = load(environ)
    for signal in settings.pushed:
        otlp.target(signal, environ)
    resource(settings, environ)
    groupfolders.check(environ)
    if settings.prometheus and settings.token_file:
        TokenFile(settings.token_file).read()
    return settings
