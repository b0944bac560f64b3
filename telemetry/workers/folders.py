"""The folders of groups of workers: how each is named, and the removal of those whose group has ended.

<state folder>/workers/<host>-<parent's process id>-<when it began>/<number>.cells
"""

from __future__ import annotations

import os
import re
import socket
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from telemetry import posix, private
from telemetry.settings import SettingsError
from telemetry.workers import process as processes

STATE_DIRS = ("TELEMETRY_STATE_DIR", "REVIEWLENS_STATE_DIR")
STATE_DIR = ".run/state"
ABANDONED_SECONDS = 24 * 3600
"""After which the files of another host are nobody's, where they lie in a folder that hosts share."""
WORKERS = "workers"
CELLS = ".cells"
EXEMPLARS = ".exemplars"
LEAD = "lead"
HELD = "gauges.db"
_NAME = re.compile(r"(?P<host>.+)-(?P<pid>[0-9]+)-(?P<began>(?:[0-9a-f]{8})?\.[0-9]+|[A-Z]\w+(?:\.\w+){6}|)")
_OURS = re.compile(
    rf"[0-9]+(?:{re.escape(CELLS)}|{re.escape(EXEMPLARS)})|{LEAD}|{re.escape(HELD)}(?:-wal|-shm)?"
)


def of(environ: Mapping[str, str], pid: int) -> Path:
    """The folder of a process and of what it starts to share its work: two servers never mix, and none goes
    on with the numbers of an earlier one that had its process id."""
    given = next(filter(None, map(environ.get, STATE_DIRS)), STATE_DIR)
    name = f"{socket.gethostname()}-{pid}-{processes.began(pid)}"
    return Path(given).absolute() / WORKERS / name


def check(environ: Mapping[str, str]) -> None:
    """Make the folder that TELEMETRY_STATE_DIR names. SettingsError where this user cannot write there."""
    if not (given := environ.get(STATE_DIRS[0])):
        return
    try:
        why = "" if os.access(private.folder(Path(given).absolute()), os.W_OK | os.X_OK) else "no permission"
    except OSError as error:
        why = error.strerror or str(error)
    if why:
        raise SettingsError(f"{STATE_DIRS[0]}={given!r}: {why}; expected a folder that this user can write")


def root(folder: Path) -> int | None:
    """The process that a group's folder is named by."""
    found = _NAME.fullmatch(folder.name)
    return int(found["pid"]) if found else None


def make(folder: Path) -> Path:
    """Make a group's folder, and remove what ended groups have left beside it. Where another user has made
    the folder of all groups, this user's is another one. Raises OSError."""
    posix.expect_locks()
    state = private.folder(folder.parent.parent)
    try:
        private.private_folder(folder.parent)
    except PermissionError:
        folder = private.private_folder(folder.parents[1] / f"{WORKERS}-{os.geteuid()}") / folder.name
    clean(folder)
    if not folder.exists():
        private.warn_of(state)
    return private.private_folder(folder)


def clean(own: Path) -> None:
    """Remove the folders of groups that have ended: of exactly such a name, this user's, and with nothing in
    them but files of ours."""
    for name in listed(own.parent):
        if name != own.name and _NAME.fullmatch(name) and not _lives(own.parent / name):
            _remove(own.parent, name)


def listed(folder: Path) -> list[str]:
    """What is in a folder, nothing once it is removed. Not by glob: where a folder cannot be opened, some
    versions of it raise and others find nothing."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - each scrape asks this
    except FileNotFoundError:
        return []


def link(opened: int, folder: Path) -> None:
    """Give every file of ours in an open folder a second name in another one: all of them, or none where
    another file has such a name. Raises OSError."""
    names = [name for name in os.listdir(opened) if _OURS.fullmatch(name)]
    there = set(listed(folder)).intersection(names)
    if taken := [name for name in there if not _is_one(opened, folder, name)]:
        raise FileExistsError(17, "another worker has begun there", str(folder / min(taken)))
    for name in names:
        with suppress(FileExistsError):
            os.link(name, folder / name, src_dir_fd=opened, follow_symlinks=False)


def _is_one(opened: int, folder: Path, name: str) -> bool:
    return os.path.samestat(os.stat(name, dir_fd=opened), (folder / name).stat())


def held(path: Path) -> bool:
    """Whether a process holds this file."""
    try:
        with path.open("rb") as file:
            return posix.is_held(file.fileno())
    except FileNotFoundError:
        return False


def _lives(path: Path) -> bool:
    try:
        host, parent, began = path.name.rsplit("-", 2)
        if any(held(path / name) for name in listed(path) if name.endswith(CELLS)):
            return True
        if host == socket.gethostname():
            return processes.exists(int(parent)) and processes.began(int(parent)) == began
        return time.time() - path.stat().st_mtime < ABANDONED_SECONDS
    except FileNotFoundError:  # another worker that starts has removed it
        return False
    except OSError:  # another user's, or no folder
        return True


def _remove(parent: Path, name: str) -> None:
    """By descriptors, so that no link that somebody puts there leads elsewhere."""
    try:
        within = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        _empty(name, within)
        os.rmdir(name, dir_fd=within)
    except OSError:
        pass
    finally:
        os.close(within)


def _empty(name: str, within: int) -> None:
    """Raises OSError where it is not for us to do."""
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
    try:
        there = os.listdir(folder)  # noqa: PTH208 - by descriptor
        if not posix.is_own(os.fstat(folder)) or not all(_is_ours(one, folder) for one in there):
            raise PermissionError(1, "not a folder of ours", name)
        for one in there:
            os.unlink(one, dir_fd=folder)
    finally:
        os.close(folder)


def _is_ours(name: str, folder: int) -> bool:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return bool(_OURS.fullmatch(name)) and stat.S_ISREG(found.st_mode)
