"""scripts/make_env.sh with stand-ins for python: what it says, and when it works again."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Answers the question after its version, makes a venv that is itself, and writes down every use of pip.
PYTHON = """#!/bin/sh
case "$*" in
  --version) echo "Python {version}" ;;
  "-c "*) exit {too_old} ;;
  "-m venv"*) {venv} ;;
  "-m pip --version") ;;
  "-m pip"*) echo "$@" >> pip.log; [ ! -e offline ] ;;
esac
"""
VENV = 'mkdir -p .venv/bin && cp "$0" .venv/bin/python'


class Clone:
    """A folder with the script and the two files that it reads; PATH holds `bin` and the system's tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "scripts").mkdir()
        (folder / "bin").mkdir()
        for script in ("make_env.sh", "check_env.py"):
            shutil.copy(ROOT / "scripts" / script, folder / "scripts")
        (folder / "pyproject.toml").write_text("[project]\n")
        (folder / "requirements.lock").write_text("a==1\n")
        for tool in ("bash", "dirname", "cat", "cksum", "mkdir", "cp", "rm", "sh"):
            (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))

    def python(self, name: str = "python3", version: str = "3.12.1", venv: str = VENV) -> None:
        path = self.folder / "bin" / name
        too_old = int(tuple(map(int, version.split("."))) < (3, 10))
        path.write_text(PYTHON.format(version=version, too_old=too_old, venv=venv))
        path.chmod(0o755)

    def make(self, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.folder / "bin"), **environment}
        script = self.folder / "scripts/make_env.sh"
        return subprocess.run([script], env=env, capture_output=True, text=True, check=False)

    def starts(self) -> subprocess.Popen[str]:
        env = {"PATH": str(self.folder / "bin")}
        script = self.folder / "scripts/make_env.sh"
        return subprocess.Popen([script], env=env, stdout=subprocess.PIPE, text=True)

    @property
    def pip_calls(self) -> list[str]:
        log = self.folder / "pip.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_it_installs_by_hash_and_only_when_something_changed(clone: Clone) -> None:
    """Once for a new environment, never for the same files, again when the lock changes."""
    clone.python()
    assert clone.make().returncode == 0
    quiet = "-m pip install --quiet --disable-pip-version-check"
    both = [f"{quiet} --require-hashes --no-deps -r requirements.lock", f"{quiet} --no-deps -e ."]
    assert clone.pip_calls == both
    assert (clone.make().stdout, clone.pip_calls) == ("", both)
    (clone.folder / "requirements.lock").write_text("a==2\n")
    assert clone.make().stdout == "Installing the locked dependencies\n"
    assert clone.pip_calls == both * 2


def test_an_install_that_failed_is_done_again(clone: Clone) -> None:
    """Also when the files are then what they were at the last good one: part of it may have happened."""
    clone.python()
    assert clone.make().returncode == 0
    (clone.folder / "requirements.lock").write_text("a==2\n")
    (clone.folder / "offline").touch()
    failed = clone.make()
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: The dependencies could not be installed (see above).")
    (clone.folder / "requirements.lock").write_text("a==1\n")
    (clone.folder / "offline").unlink()
    assert clone.make().stdout == "Installing the locked dependencies\n"


def test_two_at_once_make_it_once(clone: Clone) -> None:
    """The second waits for the first, and finds it whole."""
    for tool in ("flock", "sleep"):
        (clone.folder / "bin" / tool).symlink_to(str(shutil.which(tool)))
    clone.python(venv=f"until [ -e told ]; do sleep 0.01; done; {VENV}")
    first, second = clone.starts(), clone.starts()
    began = [process.stdout.readline() for process in (first, second) if process.stdout]
    (clone.folder / "told").touch()
    ended = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert sorted(began) == [
        "Another command makes .venv: waiting for its end\n",
        "Making .venv with Python 3.12.1\n",
    ]
    assert sorted(ended) == ["", "Installing the locked dependencies\n"]
    assert (first.returncode, second.returncode, len(clone.pip_calls)) == (0, 0, 2)


def test_an_old_python_is_told_by_its_version(clone: Clone) -> None:
    """The message has what was found, what is needed, and how to name another one."""
    clone.python(version="3.9.2")
    done = clone.make()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: Python 3.10 or newer is needed; found python3 is Python 3.9.2. "
        "Install one, or name it: make env PYTHON=/path/to/python3\n"
    )


def test_a_newer_python_beside_an_old_one_is_found(clone: Clone) -> None:
    """A system's python3 may be old where a python3.11 is installed as well."""
    clone.python(version="3.9.2")
    clone.python("python3.11", version="3.11.4")
    assert clone.make().stdout.splitlines()[0] == "Making .venv with Python 3.11.4"


def test_a_python_that_is_named_is_taken_or_refused(clone: Clone) -> None:
    """PYTHON is what the person wants: nothing else is tried."""
    clone.python()
    clone.python("mine", version="3.8.0")
    assert "found mine is Python 3.8.0" in clone.make(PYTHON="mine").stderr


def test_a_missing_venv_module_is_told_with_its_package(clone: Clone) -> None:
    """Debian splits it off; nothing half-made stays behind."""
    clone.python(venv="mkdir .venv; echo 'ensurepip is not available' >&2; exit 1")
    done = clone.make()
    assert done.returncode == 1
    assert done.stderr.endswith("On Debian and Ubuntu: apt-get install python3-venv\n")
    assert not (clone.folder / ".venv").exists()


# Makes an editable wheel of nothing; pip needs no network for it.
BACKEND = """
import zipfile
def build_editable(folder, settings=None, metadata=None):
    info = "mine-1.dist-info/"
    files = {"METADATA": "Metadata-Version: 2.1\\nName: mine\\nVersion: 1\\n", "RECORD": "",
             "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    with zipfile.ZipFile(folder + "/mine-1-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(info + name, text)
    return "mine-1-py3-none-any.whl"
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def wheel(folder: Path, name: str) -> str:
    """A wheel with one module; answers its line for a lock."""
    info = f"{name}-1.dist-info"
    files = {
        f"{name}.py": "value = 1\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return f"{name}==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A clone with a real environment of two small packages. Answers what the script says."""
    folder = tmp_path_factory.mktemp("clone")
    clone = Clone(folder)
    (folder / "wheels").mkdir()
    (folder / "requirements.lock").write_text(
        "".join(wheel(folder / "wheels", name) for name in ("one", "two"))
    )
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    found = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "wheels")}
    done = clone.make(PYTHON=sys.executable, **found)
    assert done.returncode == 0, done.stdout + done.stderr

    def damage(*patterns: str) -> str:
        for pattern in patterns:
            for path in folder.glob(f".venv/lib/python*/site-packages/{pattern}"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        mended = clone.make(PYTHON=sys.executable, **found)
        assert (mended.returncode, mended.stderr) == (0, "")
        code = "import one, two, pip._internal.cli.main; print(one.value, two.value)"
        ran = subprocess.run([folder / ".venv/bin/python", "-c", code], capture_output=True, check=True)
        assert ran.stdout == b"1 1\n"
        assert clone.make(PYTHON=sys.executable, **found).stdout == ""
        return mended.stdout

    return damage


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (["one.py"], "one-1"),
        (["one.py", "two.py"], "one-1, two-1"),
        (["one*"], "one-1"),  # nothing of it is left
        (["two-1.dist-info/RECORD", "two.py"], "two-1"),  # an installation that was interrupted
        (["pip/_internal/cli/main.py"], "pip-"),
    ],
)
def test_a_damaged_environment_is_noticed_and_mended(
    patterns: list[str], told: str, whole: Callable[..., str]
) -> None:
    """What is missing is named and installed again, and the next time nothing is left to do."""
    first, second = whole(*patterns).splitlines()
    assert first.startswith(f"Mending .venv, where files are missing: {told}")
    assert second == "Installing the locked dependencies"


@pytest.mark.parametrize("pattern", ["__pycache__", "nothing"])
def test_what_python_makes_by_itself_is_not_missed(pattern: str, whole: Callable[..., str]) -> None:
    """Compiled files come and go; a whole environment is left as it is."""
    assert whole(pattern) == ""


def test_make_without_a_target_teaches() -> None:
    """Every target is in the help, with what it does."""
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ)
    for target in ("up", "down", "test", "demo", "bench", "check", "docs", "help", "env"):
        assert f"\n  make {target} " in "\n" + shown.stdout
