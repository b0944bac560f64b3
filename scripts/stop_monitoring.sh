#!/usr/bin/env bash
# Stop Prometheus, Alertmanager, Grafana and the collector, and no process that this stack did not start.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" stop-monitoring "$@"
