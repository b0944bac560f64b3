#!/usr/bin/env bash
# List the running services, their start and their address.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" status "$@"
