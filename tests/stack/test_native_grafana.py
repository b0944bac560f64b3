"""A Grafana on PATH, by a stand-in: what the stack gives it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from scripts.stack.stack import Stack

FAKE_GRAFANA = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
if sys.argv[1:] == ["--version"]:
    sys.exit(print("grafana version 11.6.0"))
assert sys.argv[1:3] == ["server", "--homepath"], sys.argv
class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
given = {{name: value for name, value in os.environ.items() if name.startswith(("GF_", "REVIEWLENS_TRACE"))}}
given["homepath"] = sys.argv[3]
with open(os.environ["GF_PATHS_DATA"] + "/given.json", "w") as file:
    json.dump(given, file)
HTTPServer((given["GF_SERVER_HTTP_ADDR"], int(given["GF_SERVER_HTTP_PORT"])), Health).serve_forever()
"""


def test_a_grafana_on_path_gets_loopback_its_port_and_no_default_password(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in tells what Grafana gets: its own home, rendered provisioning, a password from a file."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "public").mkdir()
    program = tmp_path / "bin" / "grafana"
    program.write_text(FAKE_GRAFANA.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    assert "grafana" in {service.name for service in stack.start_monitoring().services}
    data, run_dir = stack.settings.data_dir / "grafana", stack.settings.run_dir
    assert json.loads((data / "given.json").read_text()) == {
        "homepath": str(tmp_path),
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(stack.settings.ports["grafana"]),
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_LOGS": f"{data}/log",
        "GF_PATHS_PROVISIONING": f"{run_dir}/grafana/provisioning",
        "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{data}/admin-password}}",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "REVIEWLENS_TRACE_URL": "http://localhost:16686/trace/",
    }
