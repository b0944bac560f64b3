"""Print the damaged distributions of an environment: a file is gone or cut short.

`python -I -S scripts/check_env.py STAMP`, with the environment's own Python; needs no installed package.

STAMP, if it exists, lists after its first line the record (.dist-info) of each distribution. With --forget
the records of damaged ones are removed, so that pip installs them again. Exits 1 if there is damage.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
from pathlib import Path


def is_whole(info: Path) -> bool:
    """Whether every file of a distribution exists, in the recorded size. Compiled files come and go."""
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as record:
            sizes = {name: size for name, _, size in csv.reader(record) if not name.endswith(".pyc")}
        # os.stat of a string is twice as fast as a Path's, and there are twenty thousand.
        there = {name: os.stat(f"{info.parent}/{name}").st_size for name in sizes}  # noqa: PTH116
        return bool(sizes) and all(not size or there[name] == int(size) for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def damaged(infos: set[Path]) -> list[Path]:
    """The records of damaged distributions."""
    return [info for info in sorted(infos) if not is_whole(info)]


def main(arguments: list[str]) -> int:
    """Print the damaged ones."""
    stamp = Path(arguments[-1])
    recorded = stamp.read_text(encoding="utf-8").splitlines()[1:] if stamp.exists() else []
    infos = {Path(line) for line in recorded} | set(
        stamp.parent.glob("lib/python*/site-packages/*.dist-info")
    )
    broken = damaged(infos)
    for info in broken:
        print(info.name.removesuffix(".dist-info"))
        if "--forget" in arguments:
            shutil.rmtree(info, ignore_errors=True)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
