#!/usr/bin/env bash
# The end of a service's log: scripts/logs.sh prometheus -n 100
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" logs "$@"
