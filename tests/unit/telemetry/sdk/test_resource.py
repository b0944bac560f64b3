"""The resource: who the numbers are from, and nothing that a backend would make labels of."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from telemetry.sdk.resource import resource
from telemetry.settings import SettingsError, load

HOST = socket.gethostname()
UNKNOWN_PORT = f"{HOST}:{os.getpid()}"


@pytest.mark.parametrize(
    ("environ", "attributes"),
    [
        ({}, {"service.name": "reviewlens-api", "service.instance.id": UNKNOWN_PORT}),
        ({"OTEL_SERVICE_NAME": "shop"}, {"service.name": "shop", "service.instance.id": UNKNOWN_PORT}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop, team = a%20b ,service.instance.id=one,"},
            {"service.name": "shop", "service.instance.id": "one", "team": "a b"},
        ),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop", "OTEL_SERVICE_NAME": "mall"},
            {"service.name": "mall", "service.instance.id": UNKNOWN_PORT},
        ),
    ],
)
def test_the_attributes_are_these_and_no_more(environ: dict[str, str], attributes: dict[str, str]) -> None:
    """No telemetry.sdk.*, no random instance id: on some paths each would be a label or a new series."""
    assert dict(resource(load(environ), environ).attributes) == attributes


def test_the_instance_is_the_port_else_the_process_and_the_worker() -> None:
    def instance(*given: Any) -> Any:
        return resource(load({}), {}, *given).attributes["service.instance.id"]

    assert instance("", 12, 9000) == f"{HOST}:9000"
    assert instance("1", 12, 9000) == f"{HOST}:9000/1"
    assert instance("1", 12) == f"{HOST}:12/1"


@pytest.mark.parametrize("text", ["team", "team=a,b", "=a"])
def test_wrong_attributes_are_refused(text: str) -> None:
    """Key and expectation. The value may be secret."""
    with pytest.raises(SettingsError) as caught:
        resource(load({}), {"OTEL_RESOURCE_ATTRIBUTES": text})
    assert str(caught.value) == "OTEL_RESOURCE_ATTRIBUTES=***: expected key=value pairs, separated by commas"


def test_a_job_started_under_its_own_name_keeps_it() -> None:
    """Beside a service, in the service's environment."""
    environ = {"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "service.name=mall"}
    assert (
        resource(load(environ, service_name="crawl-script"), environ).attributes["service.name"]
        == "crawl-script"
    )
