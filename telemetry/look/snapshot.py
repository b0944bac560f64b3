"""`--snapshot FILE`: the boards with their numbers in one file, without network and addresses."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from telemetry.look import inline, page
from telemetry.look.aliases import Aliases
from telemetry.look.boards import Board
from telemetry.look.gather import Gathered, Gathering
from telemetry.look.runbooks import LANGUAGES
from telemetry.look.server import Look
from telemetry.settings import SettingsError


async def take(look: Look) -> str:
    """The document. Raises RefusedError where Prometheus does not answer."""
    read = look.folders.read()
    boards = list(read.boards.values())
    try:
        found = await Gathering(look.upstream, look.options.variables, look.options.range_seconds).all(boards)
        listing = {**read.listing(), "problems": []}
        own = {"api/boards": listing, **_own(look, boards), "api/catalogue": await look.catalogue()}
    finally:
        await look.upstream.close()
    return inline.document(page.files(), _snapshot(found, own, str(listing["boards"][0]["uid"])))


def _own(look: Look, boards: list[Board]) -> dict[str, Any]:
    told: dict[str, Any] = {"api/config": {**look.config(), "trace_url": None, "links": {}, "refresh": []}}
    told |= {f"api/boards/{board.uid}": board.model for board in boards}
    runbooks = look.runbooks.listing()
    told["api/runbooks"] = {"runbooks": runbooks}
    told |= {f"api/runbooks/{row['name']}": look.runbooks.read(row["name"], LANGUAGES[0]) for row in runbooks}
    return told


def _snapshot(found: Gathered, own: Mapping[str, Any], first: str) -> dict[str, Any]:
    """Boards and answers share one set of words for addresses, so that what was equal still is."""
    aliases = Aliases()
    answers = {key: aliases.hide(body, is_answer=True) for key, body in found.answers.items()}
    answers |= {key: aliases.hide(body) for key, body in own.items()}
    return {
        "version": 1,
        "taken": round(found.taken),
        "board": first,
        "ranges": found.ranges,
        "variables": aliases.hide(found.variables, is_answer=True),
        "answers": answers,
    }


def write(path: Path, text: str) -> None:
    """A file for its owner alone, whole or not at all. Raises SettingsError where it cannot be written."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise SettingsError(
            f"--snapshot={str(path)!r}: {error.strerror or error}; expected a file in a folder that can be "
            "written"
        ) from None
