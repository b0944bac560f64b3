#!/usr/bin/env bash
# Put telemetry's oldest and newest supported packages (requirements.oldest, .newest) into the cache, for tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/make_env.sh
exec .venv/bin/python -m scripts.releases
