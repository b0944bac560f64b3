#!/usr/bin/env bash
# Check the page of `telemetry look`: format, lint, types, unit tests, and a real browser before a real Prometheus.
# Needs Node 20 with npm, and Chromium. PICTURES=DIR keeps what the browser has drawn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[[ -n $CHROMIUM ]] || { echo "error: no Chromium on PATH (Debian: apt-get install chromium fonts-noto-cjk)" >&2; exit 1; }
command -v npm >/dev/null || { echo "error: no npm on PATH (Debian: apt-get install nodejs npm)" >&2; exit 1; }
major=$(node -p 'process.versions.node.split(".")[0]')
((major >= 20)) || { echo "error: Node $(node --version); expected 20 or newer" >&2; exit 1; }
program() { .venv/bin/python -c "from scripts.stack.binaries import obtain; print(obtain('$1'))"; }
PROMETHEUS=$(program prometheus) PROMTOOL=$(program promtool)
export PROMETHEUS PROMTOOL

cd browser
[[ node_modules/.package-lock.json -nt package-lock.json ]] || npm ci --no-fund --no-audit
for step in lint types unit browser; do npm run --silent "$step"; done
