"""Subcommands whose modules are imported on use: `reviewlens serve` loads no demo."""

from __future__ import annotations

from importlib import import_module

import typer
from typer.core import TyperGroup

# In the order of --help. A name without a place is a command of app/cli.py.
PLACES = {
    "serve": "",
    "demo": "app.demo.command:demo",
    "doctor": "app.doctor:doctor",
    "look": "app.look:look",
    "ingest": "app.reviews.command:ingest",
    "llm-simulator": "app.llm.command:llm_simulator",
    "metrics": "",
    "version": "",
    "samples": "app.reviews.samples_command:samples",
}


class Commands(TyperGroup):
    """The group of all subcommands."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Every name, in the order of --help."""
        return list(PLACES)

    def get_command(self, ctx: typer.Context, cmd_name: str):  # type: ignore[no-untyped-def,override]
        """The command of that name, imported now; None if it is unknown."""
        # For a wrong name, all: the nearest is suggested from them.
        for name in (cmd_name,) if cmd_name in PLACES else PLACES:
            if PLACES[name] and name not in self.commands:
                self.add_command(_imported(name), name)
        return super().get_command(ctx, cmd_name)


def _imported(name: str):  # type: ignore[no-untyped-def]
    module, _, attribute = PLACES[name].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    alone = typer.Typer(rich_markup_mode="markdown", add_completion=False)
    alone.command(name, **getattr(found, "settings", {}))(found)
    return typer.main.get_command(alone)
