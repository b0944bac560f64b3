"""The port that names an instance: by a setting, by the command, by a socket; never by what is injected."""

from __future__ import annotations

import socket

import pytest

from telemetry.workers.address import bound_ports, configured_port, served_port


@pytest.mark.parametrize(
    ("environ", "words", "port"),
    [
        ({"REVIEWLENS_PORT": "9000"}, ["uvicorn", "--port", "8001", "a:b"], 9000),
        ({"REVIEWLENS_PORT": "tcp://10.0.0.1:8000"}, ["uvicorn", "--port", "8001", "a:b"], 8001),
        ({"REVIEWLENS_PORT": "tcp://10.0.0.1:8000"}, ["job.py"], None),
        ({"REVIEWLENS_PORT": "0"}, [], None),
        ({"REVIEWLENS_PORT": "70000"}, [], None),
        ({}, ["/venv/bin/uvicorn", "a:b", "--port=8001"], 8001),
        ({}, ["/venv/lib/uvicorn/__main__.py", "--port", "8001", "a:b"], 8001),
        ({}, ["uvicorn", "--port", "8001", "a:b", "--port", "8002"], 8002),
        ({}, ["uvicorn", "a:b"], 8000),
        ({"UVICORN_PORT": "8003"}, ["uvicorn", "a:b"], 8003),
        ({}, ["uvicorn", "a:b", "--uds", "/run/a"], None),
        ({}, ["uvicorn", "a:b", "--fd=3"], None),
        ({}, ["uvicorn", "a:b", "--port", "0"], None),
        ({}, ["uvicorn", "a:b", "--port"], None),
        ({"PORT": "8004"}, ["fastapi", "run"], 8004),
        ({"PORT": "8004"}, ["gunicorn", "-b", ":8005"], None),
        ({}, [], None),
    ],
)
def test_the_port_by_setting_and_command(environ: dict[str, str], words: list[str], port: int | None) -> None:
    assert configured_port(environ, words) == port


def test_a_socket_that_is_bound_tells_the_port_and_one_that_is_connected_does_not() -> None:
    with socket.socket() as bound, socket.socket() as client, socket.socket(socket.AF_UNIX):
        before = bound_ports()
        bound.bind(("127.0.0.1", 0))
        own = bound.getsockname()[1]
        assert bound_ports() - before == {own}, "before it listens, as uvicorn hands it down"
        bound.listen()
        client.connect(bound.getsockname())
        assert bound_ports() - before == {own}
        assert own not in {served_port({"OTEL_EXPORTER_PROMETHEUS_PORT": str(own)})}
