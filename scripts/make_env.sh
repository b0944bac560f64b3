#!/usr/bin/env bash
# Make .venv with the locked dependencies and this project. Does nothing when it is up to date.
# PYTHON chooses the interpreter (default: the newest python3 on PATH that will do).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
suits() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

stamp=.venv/.up-to-date
sum=$(cat pyproject.toml requirements.lock | cksum)
[[ -x .venv/bin/python && -f $stamp && $(<"$stamp") == "$sum" ]] && exit 0

if [[ ! -x .venv/bin/python ]]; then
  for python in "${PYTHON:-python3}" ${PYTHON:+""} python3.13 python3.12 python3.11 python3.10; do
    if suits "$python"; then break; fi
    [[ -n ${PYTHON:-} ]] && fail "PYTHON=$PYTHON is not Python 3.10 or newer."
    python=
  done
  [[ -n $python ]] || fail "Python 3.10 or newer is needed; $(python3 --version 2>&1 || true). Install it, or name it: make up PYTHON=/path/to/python3"
  echo "Making .venv with $("$python" --version)"
  "$python" -m venv .venv || { rm -rf .venv; fail "$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; }
fi
echo "Installing the locked dependencies"
.venv/bin/python -m pip install --quiet --require-hashes -r requirements.lock \
  || fail "The dependencies could not be installed (see above). Without network, point pip at a local folder of wheels with PIP_FIND_LINKS."
.venv/bin/python -m pip install --quiet --no-deps -e . || fail "The project could not be installed (see above)."
printf '%s\n' "$sum" > "$stamp"
