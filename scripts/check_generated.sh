#!/usr/bin/env bash
# Fail when a generated file is not what its generator would write now.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0
for generator in telemetry.docs monitoring.build; do
  .venv/bin/python -m "$generator" --check || failed=1
done
exit $failed
