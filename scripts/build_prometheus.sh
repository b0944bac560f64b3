#!/usr/bin/env bash
# Get a Prometheus that takes OTLP into the cache: the official release, else built as otel-collector/prometheus says.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/build.sh" prometheus 3.12 "$@"
