"""The number that a worker has in its group, and the file that goes with it: taken, held, put in order."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NamedTuple

from telemetry.guard import guard
from telemetry.posix import lock
from telemetry.private import private_file, private_folder
from telemetry.store.cells import Cells
from telemetry.store.key import check
from telemetry.store.reader import read
from telemetry.workers.folders import CELLS


class HeldNumber(NamedTuple):
    """A number in a group's folder, and its file, held until it is closed or this process ends."""

    folder: Path
    number: int
    file: int


def path_of(folder: Path, number: int, suffix: str = CELLS) -> Path:
    """The file of a number."""
    return folder / f"{number}{suffix}"


def hold(folder: Path, first: int = 0) -> HeldNumber:
    """The lowest number from `first` on that nobody has, with its file. A file that is no good is put out of
    the way, and what can be read of it goes on in a new one. It is not emptied: others may read it, and what
    is cut from under a mapping kills them. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    found = _take(private_folder(folder), first)
    path = path_of(found.folder, found.number)
    sound, error = _content(path)
    if error is None:
        return found
    guard.report("record", "%s: %s; what cannot be read of it is lost", path, error)
    path.unlink(missing_ok=True)
    os.close(found.file)
    again = hold(folder, first)
    cells = Cells(again.file)
    for key, numbers in sound:
        cell = cells.cell(key, len(numbers))
        for at, amount in enumerate(numbers):
            cell.add(at, amount)
    return again


def _content(path: Path) -> tuple[list[tuple[bytes, list[float]]], Exception | None]:
    """The sound records of a file, and what is wrong with another, or with all that would follow."""
    sound: list[tuple[bytes, list[float]]] = []
    wrong: Exception | None = None
    try:
        for key, numbers in read(path):
            try:
                check(key, numbers)
            except ValueError as error:
                wrong = error
            else:
                sound.append((key, numbers))
    except (OSError, ValueError) as error:
        wrong = error
    return sound, wrong


def _take(folder: Path, first: int) -> HeldNumber:
    number = first
    while True:
        path = path_of(folder, number)
        file = _opened(path)
        if file is None or not lock(file):
            number += 1
        elif _is_at(file, path):
            return HeldNumber(folder, number, file)
        if file is not None:
            os.close(file)


def _opened(path: Path) -> int | None:
    """None where no file of ours can stand: a link is there, or a folder."""
    try:
        return private_file(path)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            return None
        raise


def _is_at(file: int, path: Path) -> bool:
    """Whether nobody has put the file out of the way since it was opened."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
