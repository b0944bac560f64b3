"""The engine's own command: `telemetry look`, or `python -m telemetry look`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from telemetry.look import command as look

COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {"look": look.main}
USAGE = f"""\
usage: telemetry COMMAND ...

commands:
  look    {look.ABOUT}

`telemetry COMMAND --help` has the options.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    asked = words[:1] in (["--help"], ["-h"])
    (sys.stdout if asked else sys.stderr).write(USAGE)
    return 0 if asked else look.USAGE


if __name__ == "__main__":
    raise SystemExit(main())
