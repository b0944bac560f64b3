"""What a command removes: files of its own, by their exact names, and never through a link."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.metrics_token import make_token
from support.servers import ROOT

from scripts.stack import launch, private, render
from scripts.stack.errors import StackError
from scripts.stack.stack import Stack

FOREIGN = ("launch/mine.sh", "prometheus/mine.yml", "grafana/provisioning/datasources/mine.yml", "mine.pid")


def test_a_stop_leaves_what_others_have_put_into_the_run_folder(stack: Stack) -> None:
    """In each folder that the stack makes; all of its own is gone."""
    stack.start_monitoring()
    run_dir = stack.settings.run_dir
    for name in FOREIGN:
        private.write(run_dir / name, "mine")
    stack.down()
    left = {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith(("logs/", "state/"))} == {*FOREIGN, "lock"}


@pytest.mark.parametrize("link", ["launch", "prometheus", "grafana"])
def test_a_stop_removes_nothing_through_a_link(link: str, stack: Stack, tmp_path: Path) -> None:
    """A folder of somebody else's, with files of the very names that the stack gives."""
    names = [name for name in (*launch.FILES, *render.FILES) if name.startswith(f"{link}/")]
    for name in names:
        private.write(tmp_path / name, "theirs")
    private.folder(stack.settings.run_dir)
    (stack.settings.run_dir / link).symlink_to(tmp_path / link)
    stack.down()
    assert names and all((tmp_path / name).read_text() == "theirs" for name in names)
    assert (stack.settings.run_dir / link).is_symlink()
    (stack.settings.run_dir / link).unlink()


def test_a_rendered_file_is_not_written_through_a_link(stack: Stack, tmp_path: Path) -> None:
    """One line; the file behind it stays as it is."""
    target = private.write(tmp_path / "theirs", "theirs")
    private.folder(stack.settings.run_dir / "prometheus")
    (stack.settings.run_dir / "prometheus" / "prometheus.yml").symlink_to(target)
    with pytest.raises(StackError, match=r"prometheus\.yml cannot be written \(a link\)"):
        render.prometheus_config(stack.settings)
    assert target.read_text() == "theirs"


@pytest.mark.parametrize("strange", ["notes.txt", "link"])
def test_a_new_token_takes_nothing_of_others_with_it(strange: str, tmp_path: Path) -> None:
    """A folder that holds more, or is a link, stays as it is: one line says so."""
    made = make_token(tmp_path)
    before = {path.name: path.read_text() for path in made.iterdir()}
    if strange == "link":
        made = made.rename(tmp_path / "elsewhere")
        (tmp_path / "monitoring" / "token").symlink_to(made)
    else:
        (made / strange).write_text("mine")
        before[strange] = "mine"
    with pytest.raises(subprocess.CalledProcessError):
        make_token(tmp_path)
    assert {path.name: path.read_text() for path in made.iterdir()} == before


@pytest.mark.parametrize("link", [True, False])
def test_a_folder_that_is_no_environment_is_not_cleared(link: bool, tmp_path: Path) -> None:
    """Somebody's .venv with other files in it, or a link to a folder: told, and left alone."""
    for name in ("scripts/make_env.sh", "scripts/check_env.py", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    there = tmp_path / ("elsewhere" if link else ".venv")
    there.mkdir()
    (there / ("pyvenv.cfg" if link else "notes")).write_text("mine")
    if link:
        (tmp_path / ".venv").symlink_to(there)
    words = ["bash", tmp_path / "scripts" / "make_env.sh"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, [path.read_text() for path in there.iterdir()]) == (1, ["mine"])
    assert done.stderr.startswith("error: .venv is no virtual environment that can be made again")
