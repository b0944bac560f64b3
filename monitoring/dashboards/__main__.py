"""Write the dashboard files, or with --check say which of them is stale."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from monitoring.dashboards import demo, http, production
from monitoring.dashboards.model import Dashboard
from monitoring.targets import HERE, read_rules, read_targets

FOLDER = HERE / "grafana" / "dashboards"
COMMAND = "python -m monitoring.dashboards"


def boards() -> tuple[Dashboard, ...]:
    """Every board, with the targets and rules of today."""
    targets, rules = read_targets(), read_rules()
    return (http.board(targets), demo.board(targets), production.board(targets, rules))


def files() -> dict[str, str]:
    """File name -> text, as it should be."""
    from monitoring.dashboards.build import to_json

    return {f"{board.file}.json": to_json(board) for board in boards()}


def write(folder: Path) -> int:
    """Write every file; 0."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {folder / name}\n")
    return 0


def check(folder: Path) -> int:
    """0 when every file is what the code makes; else 1, with each stale file and its first difference."""
    wanted = files()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    stale = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    for name in stale:
        change = _first_difference(found.get(name, ""), wanted.get(name, ""))
        sys.stderr.write(f"stale: {folder / name}: {change}. Mend with: {COMMAND}\n")
    return 1 if stale else 0


def _first_difference(found: str, wanted: str) -> str:
    if not found:
        return "missing"
    if not wanted:
        return "no board makes it; delete it"
    lines = difflib.unified_diff(found.splitlines(), wanted.splitlines(), lineterm="", n=0)
    place = next(line for line in lines if line.startswith("@@"))
    return f"differs at line {place.split()[1].lstrip('-').split(',')[0]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where the files are (default: %(default)s)"
    )
    chosen = parser.parse_args(arguments)
    if sys.version_info < (3, 11):
        here = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write(f"{COMMAND}: this is Python {here}; grafana-foundation-sdk needs 3.11 or newer\n")
        return 2
    return check(chosen.folder) if chosen.check else write(chosen.folder)


if __name__ == "__main__":
    sys.exit(main())
