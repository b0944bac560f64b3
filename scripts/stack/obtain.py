"""`python -m scripts.stack.obtain PROGRAM`: what scripts/build*.sh call."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from scripts.stack.binaries import find
from scripts.stack.errors import StackError
from scripts.stack.manifest import program_of, programs


def obtain(
    program: Annotated[str, typer.Argument(help=f"One of {', '.join(programs())}.")],
    version: Annotated[str | None, typer.Argument(help="Exactly this one, such as 3.12.")] = None,
) -> None:
    """Get a program into the cache by the first way that works, and print its path.

    Quick if it is there already. Two calls at once do the work once.
    """
    try:
        found = find(program_of(program), version, say=typer.echo)
    except StackError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
    typer.echo(f"{found}: {found.path}")


if __name__ == "__main__":
    command = typer.Typer(add_completion=False)
    command.command()(obtain)
    command(prog_name="scripts/build.sh")
