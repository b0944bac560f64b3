#!/usr/bin/env bash
# Write monitoring/token: a new random token for the metrics, and Prometheus's configurations that send it. Each file
# belongs to its only reader (mode 600). sudo is asked for if the containers' files cannot be made otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../monitoring"
umask 077

files=(host.token api.token prometheus.token host.yml api.yml)
if [[ -e token || -L token ]]; then
  strange=$(ls -A token/ | grep -vxF "$(printf '%s\n' "${files[@]}")" || true)
  if [[ -L token || ! -d token || -n $strange ]]; then
    echo "error: monitoring/token is not as this script makes it: a folder with ${files[*]} alone. Move it away." >&2
    exit 1
  fi
fi

fresh=$(mktemp -d token.XXXXXX)
trap 'rm -rf "$fresh"' EXIT
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"$fresh/host.token"
cp "$fresh/host.token" "$fresh/api.token"
cp "$fresh/host.token" "$fresh/prometheus.token"
awk '{ print } /^    metrics_path: / { print "    authorization: {credentials_file: /etc/prometheus/metrics.token}" }' \
  prometheus/prometheus.yml >"$fresh/host.yml"
sed 's/host\.docker\.internal:8000/api:8000/' "$fresh/host.yml" >"$fresh/api.yml"

root=sudo
((EUID)) || root=
$root chown 10001:10001 "$fresh/api.token"                                           # who the image runs as
$root chown 65534:65534 "$fresh/prometheus.token" "$fresh/host.yml" "$fresh/api.yml" # user of Prometheus's container
if [[ -d token ]]; then
  rm -f "${files[@]/#/token/}"
  rmdir token
fi
mv "$fresh" token
echo "Wrote monitoring/token. docs/how-to/compose.md names the compose files that use it."
