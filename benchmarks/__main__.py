"""`make bench`: what telemetry costs, contenders taking turns in one run. Ratios carry, figures do not."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks import peers
from benchmarks.about import head
from benchmarks.contenders import PEERS
from benchmarks.page import MeasuredPart, summary, tables
from benchmarks.part import LeftOutError, Part, measure
from benchmarks.parts import PARTS
from benchmarks.progress import Progress

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
HELP = """
examples:
  make bench                                             everything, ten to twelve minutes
  make bench WRITE=1                                     the same, kept in docs/reference/benchmarks.md
  make bench ONLY="requests scrape"                      two parts
  .venv/bin/python -m benchmarks --only turn --rounds 3  quicker, and less exact

Each part measures its contenders in turns, round by round, and compares a round with itself: what else the
machine does strikes all of them. Leave it alone all the same. Peers are installed once, into the user's
cache folder.
"""


def arguments() -> argparse.Namespace:
    """What was asked for; a wrong value ends the command with what was expected."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--rounds", type=_rounds, default=7, help="counted rounds of each contender (default 7)"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"write docs/reference/{PAGE.name}; needs every part"
    )
    parser.add_argument("--list", action="store_true", help="show the parts, and measure nothing")
    asked = parser.parse_args()
    if asked.write and asked.only:
        parser.error("--write keeps the whole page; leave out --only")
    return asked


def _rounds(given: str) -> int:
    if not given.isdigit() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given!r}: expected a number of 1 or more")
    return int(given)


def run(part: Part, rounds: int, without: dict[str, str], progress: Progress) -> MeasuredPart:
    """The part, without what cannot be measured here."""
    left_out = {name: why for name, why in without.items() if name in part.contenders}
    names = [name for name in part.contenders if name not in left_out]
    progress.begin(part.name)
    try:
        return MeasuredPart(part, measure(part, names, rounds, progress.say), left_out)
    except LeftOutError as error:
        return MeasuredPart(part, {}, {"": str(error)})
    finally:
        progress.end()


def with_peers(parts: list[Part], progress: Progress) -> dict[str, str]:
    """Get the peers; why not, by contender, where they cannot be had."""
    if not any(PEERS & part.contenders.keys() for part in parts):
        return {}
    progress.prepare("peers")
    try:
        peers.add_to_path(peers.obtain(progress.say))
    except LeftOutError as error:
        return {name: str(error) for name in sorted(PEERS)}
    finally:
        progress.end()
    return {}


def main() -> int:
    """Measure, print, and with --write keep the page. 1 when a whole part could not be measured."""
    asked = arguments()
    if asked.list:
        print("\n".join(f"{part.name:<12} {part.title}" for part in PARTS.values()))
        return 0
    parts = [part for part in PARTS.values() if not asked.only or part.name in asked.only]
    progress, began, about = Progress(sys.stderr, len(parts)), time.monotonic(), head(asked.rounds)
    without = with_peers(parts, progress)
    measured, page = [], []
    for part in parts:
        measured.append(run(part, asked.rounds, without, progress))
        print("\n".join(tables(measured[-1])), flush=True)
        page += tables(measured[-1])
    lines = summary(measured)
    print("\n".join(lines), f"{time.monotonic() - began:.0f} s in all", sep="\n")
    if asked.write:
        PAGE.write_text("\n".join([*about, *lines, *page]), encoding="utf-8")
    return int(any("" in part.left_out for part in measured))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
