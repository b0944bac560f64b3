#!/usr/bin/env bash
# Write .env for docker-compose, with a random password for Grafana's admin. Never changes an existing .env.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -e .env ]]; then
  if grep -q '^GRAFANA_ADMIN_PASSWORD=.' .env; then
    echo ".env is there already, and stays as it is."
    exit 0
  fi
  echo "error: .env is there and has no GRAFANA_ADMIN_PASSWORD. Add that line, or move .env away and run this again." >&2
  exit 1
fi

password=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
fresh=$(mktemp .env.XXXXXX)
trap 'rm -f "$fresh"' EXIT
sed "s/^GRAFANA_ADMIN_PASSWORD=$/&$password/" .env.example >"$fresh"
ln "$fresh" .env # and fails where somebody else was faster
echo "Wrote .env, readable by you alone. Grafana's user is admin; GRAFANA_ADMIN_PASSWORD there is the password."
