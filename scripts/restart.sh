#!/usr/bin/env bash
# Restart one service: scripts/restart.sh api
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make --silent env
exec .venv/bin/python -m scripts.stack restart "$@"
