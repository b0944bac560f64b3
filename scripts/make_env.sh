#!/usr/bin/env bash
# Make .venv with the locked dependencies and this project. Does nothing if it is complete and up to date.
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

# The stamp holds the sum of the wanted files, then the installed records.
stamp=.venv/.up-to-date
check=(.venv/bin/python -I -S scripts/check_env.py)
wanted=$(cat pyproject.toml requirements.lock | cksum)
is_whole() {
  local found=
  [[ -x .venv/bin/python && -f $stamp ]] && { read -r found <"$stamp" || true; }
  [[ $found == "$wanted" ]] && "${check[@]}" "$stamp" >/dev/null
}
is_whole && exit 0

# One process at a time makes it; the next finds it complete. macOS has no flock.
if command -v flock >/dev/null; then
  exec 9<pyproject.toml
  flock -n 9 || {
    echo "Another command makes .venv: waiting for its end"
    flock 9
    is_whole && exit 0
  }
fi

damaged=
if suits .venv/bin/python; then
  damaged=$("${check[@]}" --forget "$stamp") ||
    echo "Mending .venv, where files are missing: ${damaged//$'\n'/, }"
else
  [[ ! -L .venv && (! -e .venv || -f .venv/pyvenv.cfg || -z $(ls -A .venv)) ]] ||
    fail ".venv is no virtual environment that can be made again: it is a link, or holds other files. Move it away."
  python=$(find_python)
  echo "Making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv || {
    rm -rf .venv
    fail "$python cannot make a virtual environment (see above). On Debian and Ubuntu: apt-get install python3-venv"
  }
fi

rm -f "$stamp"
if [[ $damaged == *pip-* ]] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  .venv/bin/python -m ensurepip >/dev/null || fail "pip cannot be put into .venv (see above). Remove .venv and try again."
fi

echo "Installing the locked dependencies"
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
# The lock is complete. With dependencies, pip before 24 would take a newer google-auth for google-auth[requests].
"${pip[@]}" --require-hashes --no-deps -r requirements.lock ||
  fail "The dependencies could not be installed (see above). Check the network, or name a folder of wheels in PIP_FIND_LINKS."
"${pip[@]}" --no-deps -e . || fail "The project could not be installed (see above)."
printf '%s\n' "$wanted" .venv/lib/python*/site-packages/*.dist-info >"$stamp"
