#!/usr/bin/env bash
# Start Prometheus, Alertmanager and Grafana: obtains what is missing, waits until each is healthy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make --silent env
exec .venv/bin/python -m scripts.stack start-monitoring "$@"
