#!/usr/bin/env bash
# Check the settings of the running stack's service, and its series in Prometheus. Options: reviewlens doctor --help.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" doctor "$@"
