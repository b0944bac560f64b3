#!/usr/bin/env bash
# What runs, since when, at which address.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/stack.sh" status "$@"
