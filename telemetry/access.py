"""What is checked before any worker starts: a worker that ends at it would be started again, for ever."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.push import target as otlp
from telemetry.scrape import listener
from telemetry.scrape.listening import Listening
from telemetry.scrape.token import TokenFile
from telemetry.sdk.resource import resource
from telemetry.settings import LISTENER_PORT, Settings, SettingsError, load
from telemetry.spans import provider
from telemetry.workers import folders as groupfolders


def check(environ: Mapping[str, str], service: Listening) -> None:
    """Raise SettingsError for a variable that cannot be used, and where the service's address or the port of
    the metrics cannot be had now."""
    settings = usable(environ)
    service.check()
    if settings.listens and listener.wanted(settings).meets(service):
        raise SettingsError(
            f"{LISTENER_PORT}={settings.listener_port}: the service itself listens on "
            f"{service.host}:{service.port}; expected another port, or none, for the metrics"
        )
    listener.check(settings)


def usable(environ: Mapping[str, str]) -> Settings:
    """The settings, whoever runs now. Raises SettingsError for a variable that cannot be used."""
    settings = load(environ)
    for signal in settings.pushed:
        otlp.target(signal, environ)
    resource(settings, environ)
    if settings.traces:
        provider.check(environ)
    groupfolders.check(environ)
    if settings.prometheus and settings.token_file:
        TokenFile(settings.token_file).read()
    return settings
