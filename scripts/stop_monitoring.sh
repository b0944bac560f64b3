#!/usr/bin/env bash
# Stop Prometheus, Alertmanager and Grafana, and no process that this stack did not start.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make --silent env
exec .venv/bin/python -m scripts.stack stop-monitoring "$@"
