#!/usr/bin/env bash
# Write the pinned versions anew from pyproject.toml: requirements.lock, and what tests/peers needs. --upgrade takes the newest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
.venv/bin/python -m scripts.lock "$@"
