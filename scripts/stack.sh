#!/usr/bin/env bash
# One action on the stack of this clone: scripts/stack.sh status. Without an environment nothing can be running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ ! -x .venv/bin/python ]]; then
  echo "Nothing is running: there is no .venv here. \`make up\` makes it and starts the stack."
  exit 0
fi
exec .venv/bin/python -m scripts.stack "$@"
