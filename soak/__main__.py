"""`make soak`: is the service, under traffic and disturbed, right to the last number?"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import MutableMapping
from types import FrameType

from rich.console import Console

from scripts.stack.manifest import DOWNLOAD_BASE
from soak.laws import LAWS, broken
from soak.report import show
from soak.run import BrokenOffError, SetUpError, soak

SECONDS, LEAST, MOST = 180, 20, 86_400
WORKERS, MOST_WORKERS = 3, 16
OFF, CANNOT = 1, 2
TEACHES = """
What it does, all of it on this machine, on free loopback ports, in a temporary folder:
  the real service with several workers, its numbers scraped by a real Prometheus and pushed to a real
  collector; shoppers with whole dialogues, streamed and left ones too, and strangers with hostile requests;
  a worker killed, a worker ended, the collector away, Prometheus killed, the disk full, in turns.
Then traffic ends, and the clients' account is put beside /metrics, Prometheus, and the collector's way.

The laws:
"""
CODES = """
Exit codes: 0 every law holds; 1 one does not, and is named; 2 it could not begin; 130 or 143 it was stopped.
make itself ends with 2 whichever of them it was, and prints it.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit code."""
    asked = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    _only_ours(os.environ)
    signal.signal(signal.SIGTERM, _stop)
    try:
        numbers, notes = soak(asked.seconds, asked.workers, lambda line: console.print(line, highlight=False))
    except SetUpError as error:
        print(f"soak: it cannot begin: {error}", file=sys.stderr)  # noqa: T201
        return CANNOT
    except BrokenOffError as error:
        print(f"soak: it broke off: {error}", file=sys.stderr)  # noqa: T201
        return OFF
    except KeyboardInterrupt:
        print("soak: stopped; everything is ended and removed", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGINT
    off = broken(numbers)
    show(console, numbers, off, notes)
    return OFF if off else 0


def _parser() -> argparse.ArgumentParser:
    laws = "\n".join(f"  {law.name:<16} {law.says}" for law in LAWS)
    parser = argparse.ArgumentParser(
        prog="soak",
        usage="make soak [SECONDS=60], or python -m soak [--seconds 60] [--workers 3]",
        description=__doc__,
        epilog=f"{TEACHES.rstrip()}\n{laws}\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds",
        type=_between(LEAST, MOST, "seconds"),
        default=SECONDS,
        help=f"how long traffic lasts, {LEAST} to {MOST} (default {SECONDS})",
    )
    parser.add_argument(
        "--workers",
        type=_between(2, MOST_WORKERS, "workers"),
        default=WORKERS,
        help=f"processes that serve, 2 to {MOST_WORKERS} (default {WORKERS})",
    )
    return parser


def _between(least: int, most: int, what: str) -> type[int]:
    def whole(text: str) -> int:
        if text.isascii() and text.isdecimal() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected whole {what}, {least} to {most}, such as {least * 3}"
        )

    return whole  # type: ignore[return-value]


def _only_ours(environ: MutableMapping[str, str]) -> None:
    """The user's variables for telemetry, service and proxies do not apply to this run."""
    for name in [*environ]:
        if name.startswith(("OTEL_", "REVIEWLENS_")) and name != DOWNLOAD_BASE:
            del environ[name]
    environ["NO_PROXY"] = environ["no_proxy"] = "127.0.0.1,localhost"


def _stop(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    raise SystemExit(main())
