#!/usr/bin/env bash
# Get the OpenTelemetry Collector of otel-collector/builder.yaml into the cache: built where there is Go, else the
# official release. Takes minutes the first time, and nothing until the manifest changes.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/build.sh" otelcol "$@"
