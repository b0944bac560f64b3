#!/usr/bin/env bash
# Let Prometheus and Alertmanager read their configuration again, without a restart.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make --silent env
exec .venv/bin/python -m scripts.stack reload "$@"
