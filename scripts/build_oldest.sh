#!/usr/bin/env bash
# Put the oldest packages that telemetry/ runs on (requirements.oldest) into the cache, for the tests that run on them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/make_env.sh
exec .venv/bin/python -m scripts.oldest
