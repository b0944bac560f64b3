"""Folders of Grafana's dashboards: each *.json file is one, and is handed on as it stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from telemetry.settings import SettingsError

MOST_BYTES = 8 * 2**20
MOST_FILES = 500
DASHBOARDS = "--dashboards"


@dataclass(frozen=True)
class Board:
    """One dashboard. `model` is Grafana's classic JSON."""

    uid: str
    title: str
    tags: tuple[str, ...]
    file: str
    model: dict[str, Any]
    text: bytes

    def row(self) -> dict[str, Any]:
        """Its line in a list of boards."""
        return {"uid": self.uid, "title": self.title, "tags": list(self.tags), "file": self.file}


class BoardError(ValueError):
    """Why a file is no dashboard."""


@dataclass(frozen=True)
class Read:
    """What the folders hold now. `problems`: path of a file -> why it is not among the boards."""

    boards: dict[str, Board]
    problems: dict[Path, str]

    def listing(self) -> dict[str, Any]:
        """Both as lists, boards by their title."""
        rows = [board.row() for board in sorted(self.boards.values(), key=lambda one: (one.title, one.uid))]
        return {
            "boards": rows,
            "problems": [{"file": path.name, "reason": why} for path, why in self.problems.items()],
        }


class Folders:
    """Folders that are looked into at each request; a file is parsed again when it has changed."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)

    def check(self) -> Read:
        """What they hold. SettingsError for a folder or a file that cannot be used."""
        if not self._folders:
            raise SettingsError(f"{DASHBOARDS} is missing: expected a folder with Grafana's dashboards")
        for folder in self._folders:
            if not folder.is_dir():
                why = "it is no folder" if folder.exists() else "there is no such folder"
                raise SettingsError(
                    f"{DASHBOARDS}={str(folder)!r}: {why}; expected a folder with *.json files"
                )
        read = self.read()
        if read.problems:
            lines = "; ".join(f"{path}: {why}" for path, why in read.problems.items())
            raise SettingsError(f"{DASHBOARDS}: {lines}")
        if not read.boards:
            named = " ".join(map(str, self._folders))
            raise SettingsError(f"{DASHBOARDS}={named!r}: no *.json in it; expected Grafana's dashboards")
        return read

    def read(self) -> Read:
        """What they hold; a file that cannot be used is a problem and stops no other."""
        boards: dict[str, Board] = {}
        problems: dict[Path, str] = {}
        for path in self._files():
            try:
                found = path.stat()
                board = _board(path, found.st_mtime_ns, found.st_size)
                if other := boards.get(board.uid):
                    raise BoardError(
                        f"its uid {board.uid!r} is that of {other.file} too; expected one of its own"
                    )
                boards[board.uid] = board
            except OSError as error:
                problems[path] = error.strerror or str(error)
            except BoardError as error:
                problems[path] = str(error)
        return Read(boards, problems)

    def _files(self) -> Iterator[Path]:
        paths = sorted({path for folder in self._folders for path in folder.rglob("*.json")})
        yield from paths[:MOST_FILES]


@lru_cache(maxsize=MOST_FILES)
def _board(path: Path, _changed: int, size: int) -> Board:
    if size > MOST_BYTES:
        raise BoardError(f"{size:,} bytes; expected {MOST_BYTES:,} at most")
    if not path.is_file():  # a FIFO would keep the reader waiting
        raise BoardError("no regular file; expected Grafana's classic JSON")
    text = path.read_bytes()
    model = _parsed(text)
    if isinstance(model, dict) and isinstance(model.get("dashboard"), dict):  # as Grafana's API exports it
        model = model["dashboard"]
        text = json.dumps(model, ensure_ascii=False).encode()
    if not isinstance(model, dict) or not isinstance(model.get("panels", model.get("rows")), list):
        raise BoardError("no dashboard; expected an object with `panels`, Grafana's classic JSON")
    tags = model.get("tags")
    return Board(
        uid=str(model.get("uid") or path.stem),
        title=str(model.get("title") or path.stem),
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        file=path.name,
        model=model,
        text=text,
    )


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise BoardError(f"not JSON: {error.msg}, line {error.lineno} column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise BoardError(f"not JSON: {error}") from None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
