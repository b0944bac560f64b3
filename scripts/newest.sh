#!/usr/bin/env bash
# Write requirements.newest: the newest releases of telemetry's dependencies that pyproject.toml allows. Tests run on them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/make_env.sh
exec .venv/bin/python -m scripts.releases --renew
