"""The ports of the stack's programs, by the variables that set them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from app.injected import own

PORTS = {
    "api": ("REVIEWLENS_PORT", 8000),
    "prometheus": ("REVIEWLENS_PROMETHEUS_PORT", 9090),
    "alertmanager": ("REVIEWLENS_ALERTMANAGER_PORT", 9093),
    "grafana": ("REVIEWLENS_GRAFANA_PORT", 3001),
    "look": ("REVIEWLENS_LOOK_PORT", 3002),
    "simulator": ("REVIEWLENS_SIMULATOR_PORT", 8090),
}
# What otel-collector/config.yaml reads; the first is where services push to.
COLLECTOR_PORTS = {
    "collector": ("REVIEWLENS_COLLECTOR_HTTP_PORT", 4318),
    "collector-grpc": ("REVIEWLENS_COLLECTOR_GRPC_PORT", 4317),
    "collector-scrape": ("REVIEWLENS_COLLECTOR_SCRAPE_PORT", 8889),
    "collector-metrics": ("REVIEWLENS_COLLECTOR_METRICS_PORT", 8888),
    "collector-health": ("REVIEWLENS_COLLECTOR_HEALTH_PORT", 13133),
}


def address(service: str, host: str = "localhost", environ: Mapping[str, str] = os.environ) -> str:
    """Where a service of the stack is, by the environment's ports."""
    variable, port = PORTS[service]
    return f"http://{host}:{own(environ).get(variable) or port}"
