"""`make bench`: what telemetry costs, contenders taking turns in one run. Ratios carry, figures do not."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks import (
    access_log,
    latency,
    memory,
    peers,
    readers,
    recording,
    requests,
    scrape,
    stall,
    starting,
    throughput,
    traces,
    turn,
)
from benchmarks.contenders import PEERS
from benchmarks.page import Measured, summary, tables
from benchmarks.part import LeftOutError, Part, measure
from benchmarks.progress import Progress

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PACKAGES = (
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-fastapi",
    "opentelemetry-exporter-prometheus",
    "prometheus-client",
    "fastapi",
    "starlette",
    "uvicorn",
)
PARTS = {
    part.name: part
    for part in (
        throughput.PART,
        requests.PART,
        recording.PART,
        readers.PART,
        traces.PART,
        scrape.PART,
        latency.PART,
        stall.PART,
        memory.PART,
        turn.PART,
        starting.PART,
        access_log.PART,
    )
}
HELP = """
examples:
  make bench                                             everything, some five minutes
  .venv/bin/python -m benchmarks --only requests         one part; may stand more than once
  .venv/bin/python -m benchmarks --only turn --rounds 3  quicker, and less exact
  .venv/bin/python -m benchmarks --write                 keep the page, docs/benchmarks.md

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
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}; needs every part")
    parser.add_argument("--list", action="store_true", help="show the parts, and measure nothing")
    asked = parser.parse_args()
    if asked.write and asked.only:
        parser.error("--write keeps the whole page; leave out --only")
    return asked


def _rounds(given: str) -> int:
    if not given.isdigit() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given!r}: expected a number of 1 or more")
    return int(given)


def run(part: Part, rounds: int, without: dict[str, str], progress: Progress) -> Measured:
    """The part, without what cannot be measured here."""
    left_out = {name: why for name, why in without.items() if name in part.contenders}
    names = [name for name in part.contenders if name not in left_out]
    progress.begin(part.name)
    try:
        return Measured(part, measure(part, names, rounds, progress.say), left_out)
    except LeftOutError as error:
        return Measured(part, {}, {"": str(error)})
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


def head(rounds: int) -> list[str]:
    """What was run, and on what."""
    versions = {**{name: version(name) for name in PACKAGES}, **peers.versions()}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    loop = "uvloop" if find_spec("uvloop") else "asyncio"
    parser = "httptools" if find_spec("httptools") else "h11"
    return [
        "# Benchmarks",
        "",
        f"Measured by `make bench`, {rounds} rounds, contenders taking turns.",
        "Ratios carry to other machines; figures do not. Ratios and differences are medians over rounds,",
        "each of which is compared with itself.",
        "",
        f"{machine}, Python {platform.python_version()}, {loop} and {parser} under uvicorn, "
        + ", ".join(map(" ".join, versions.items()))
        + ".",
        "",
    ]


def main() -> None:
    """Measure, print, and with --write keep the page."""
    asked = arguments()
    if asked.list:
        print("\n".join(f"{part.name:<12} {part.title}" for part in PARTS.values()))
        return
    parts = [part for part in PARTS.values() if not asked.only or part.name in asked.only]
    progress, began = Progress(sys.stderr, len(parts)), time.monotonic()
    without = with_peers(parts, progress)
    measured, page = [], head(asked.rounds)
    for part in parts:
        measured.append(run(part, asked.rounds, without, progress))
        print("\n".join(tables(measured[-1])), flush=True)
        page += tables(measured[-1])
    told = summary(measured)
    print("\n".join(told), f"{time.monotonic() - began:.0f} s in all", sep="\n")
    if asked.write:
        start = len(head(asked.rounds))
        PAGE.write_text("\n".join([*page[:start], *told, *page[start:]]), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
