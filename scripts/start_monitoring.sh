#!/usr/bin/env bash
# Start Prometheus, Alertmanager and Grafana, with --mode otlp the collector, too: obtains missing programs, waits until each is healthy.
set -euo pipefail
scripts=$(dirname "${BASH_SOURCE[0]}")
"$scripts/make_env.sh"
exec "$scripts/stack.sh" start-monitoring "$@"
