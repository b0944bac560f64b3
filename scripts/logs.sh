#!/usr/bin/env bash
# The end of a service's log: scripts/logs.sh prometheus -n 100
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make --silent env
exec .venv/bin/python -m scripts.stack logs "$@"
