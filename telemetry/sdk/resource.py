"""Who the numbers are from. Identifying attributes only: others make a target_info series on some paths."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from urllib.parse import unquote

from opentelemetry.sdk.resources import Resource

from telemetry.settings import SERVICE_NAME, Settings, SettingsError
from telemetry.words import printable


def resource(
    settings: Settings,
    environ: Mapping[str, str],
    worker: str = "",
    process: int | None = None,
    port: int | None = None,
) -> Resource:
    """The service's resource. OTEL_RESOURCE_ATTRIBUTES are added; OTEL_SERVICE_NAME wins over service.name.

    The instance is host:port where the `port` is known, which is the same after a restart, so that its series
    go on; else host:pid, of the `process` that a group is known by, so that two never push under one name.
    The workers of one server are distinguished by `worker`; the one that is "" has the plain name.
    """
    given = _attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    named = environ.get("OTEL_SERVICE_NAME") or settings.service_name != SERVICE_NAME
    name = None if named else given.get("service.name")
    where = f"{socket.gethostname()}:{port or process or os.getpid()}"
    instance = given.get("service.instance.id", where)
    attributes = {
        **given,
        "service.instance.id": f"{instance}/{worker}" if worker else instance,
        "service.name": name or settings.service_name,
    }
    return Resource({printable(key): printable(value) for key, value in attributes.items()})


def _attributes(text: str) -> dict[str, str]:
    """`key=value,key=value`, percent-encoded, as the OTel specification has it."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if any(not equals or not key.strip() for key, equals, _ in pairs):
        # Whatever stands there may be secret, and what is no pair most of all.
        raise SettingsError("OTEL_RESOURCE_ATTRIBUTES=***: expected key=value pairs, separated by commas")
    return {key.strip(): unquote(value.strip()) for key, _, value in pairs}
