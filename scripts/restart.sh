#!/usr/bin/env bash
# Restart one service: scripts/restart.sh api
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" restart "$@"
