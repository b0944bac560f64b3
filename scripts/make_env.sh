#!/usr/bin/env bash
# Make .venv with the locked dependencies and this project. Does nothing when it is up to date.
# PYTHON names the interpreter; else the first on PATH that is new enough.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

suits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
    if suits "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fail "Python 3.10 or newer is needed; found ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>&1 || true)." \
    "Install one, or name it: make env PYTHON=/path/to/python3"
}

stamp=.venv/.up-to-date
wanted=$(cat pyproject.toml requirements.lock | cksum)
if [[ -x .venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
  exit 0
fi

if ! suits .venv/bin/python; then
  python=$(find_python)
  echo "Making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv || {
    rm -rf .venv
    fail "$python cannot make a virtual environment (see above). On Debian and Ubuntu: apt-get install python3-venv"
  }
fi

echo "Installing the locked dependencies"
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" --require-hashes -r requirements.lock ||
  fail "The dependencies could not be installed (see above). Check the network, or name a folder of wheels in PIP_FIND_LINKS."
"${pip[@]}" --no-deps -e . || fail "The project could not be installed (see above)."
echo "$wanted" >"$stamp"
