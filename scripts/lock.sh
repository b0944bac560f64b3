#!/usr/bin/env bash
# Renew the pinned versions from pyproject.toml: requirements.lock, and the files of tests/peers. --upgrade takes the newest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
.venv/bin/python -m scripts.lock "$@"
