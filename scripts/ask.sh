#!/usr/bin/env bash
# Ask the running Prometheus: scripts/ask.sh query 'sum(up)', scripts/ask.sh alerts, scripts/ask.sh targets
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" ask "$@"
