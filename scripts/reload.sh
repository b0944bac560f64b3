#!/usr/bin/env bash
# Let Prometheus and Alertmanager read their configuration again, without a restart.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" reload "$@"
