"""Write the rules of the objectives, or with --check say whether the file is stale."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from monitoring.objectives.rules import groups
from monitoring.objectives.windows import ObjectivesError, read_windows
from monitoring.targets import HERE, read_targets

FILE = HERE / "alerts" / "objective_rules.yml"
COMMAND = "python -m monitoring.objectives"
HEAD = f"""\
# Made by `{COMMAND}` from slo.yaml and objectives/windows.yaml: change those, then `make docs`.
# objectives/rules.py says what each rule is for.
"""


class _Rules(yaml.SafeDumper):
    """Expressions of several lines stand as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Rules.add_representer(str, _text)


def rendered() -> str:
    """The file as it should be. Raises ObjectivesError."""
    rules = groups(read_targets(), read_windows())
    return HEAD + yaml.dump(rules, Dumper=_Rules, sort_keys=False, width=10_000, allow_unicode=True)


def main(arguments: Sequence[str] | None = None, file: Path = FILE) -> int:
    """The command; the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file is stale")
    check = parser.parse_args(arguments).check
    try:
        wanted = rendered()
    except ObjectivesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if file.exists() and file.read_text(encoding="utf-8") == wanted:
        return 0
    if check:
        sys.stderr.write(f"stale: {file}. Mend with: {COMMAND}\n")
        return 1
    file.write_text(wanted, encoding="utf-8")
    sys.stdout.write(f"wrote {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
