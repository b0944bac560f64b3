#!/usr/bin/env bash
# Write the generated files: tables in the documentation, intervals in configs, rules of the objectives, dashboards. With --check fail if a file is stale.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0
.venv/bin/python -m scripts.docs "$@" || failed=1
.venv/bin/python -m monitoring.intervals "$@" || failed=1
.venv/bin/python -m monitoring.objectives "$@" || failed=1
if .venv/bin/python -c 'import grafana_foundation_sdk' 2>/dev/null; then
  .venv/bin/python -m monitoring.dashboards "$@" || failed=1
else
  echo "Dashboards are left out: their generator needs Python 3.11 or newer."
fi
exit "$failed"
