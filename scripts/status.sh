#!/usr/bin/env bash
# What runs, since when, at which address.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make --silent env
exec .venv/bin/python -m scripts.stack status "$@"
