"""Write the intervals of intervals.yaml into the files that repeat them; --check says which disagree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from monitoring.intervals.files import COMMAND, faults, write
from monitoring.intervals.source import SOURCE, IntervalsError, read_intervals
from monitoring.targets import HERE


def main(arguments: Sequence[str] | None = None, root: Path = HERE.parent) -> int:
    """The command, for the repository at `root`; the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file disagrees")
    check = parser.parse_args(arguments).check
    try:
        intervals = read_intervals(root / SOURCE)
    except IntervalsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not check:
        for path in write(intervals, root):
            sys.stdout.write(f"wrote {path.relative_to(root)}\n")
    left = faults(intervals, root)
    sys.stderr.writelines(f"{fault}\n" for fault in left)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
