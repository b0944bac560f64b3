#!/usr/bin/env bash
# Get one program into the cache, built here if need be: scripts/build.sh PROGRAM [VERSION]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/make_env.sh
exec .venv/bin/python -m scripts.stack.obtain "$@"
