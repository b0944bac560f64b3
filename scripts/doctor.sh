#!/usr/bin/env bash
# Check what the running stack's service was started with, and what Prometheus has of it. Options: reviewlens doctor --help.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" doctor "$@"
