"""A small disk of its own for the state folder, which can be filled and freed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

MEBIBYTES = 64
_BLOCKS = (1 << 20, 4096, 1)


class NoDiskError(Exception):
    """A disk of its own cannot be had here; says why."""


class Disk:
    """A tmpfs at `place`, from `mount` to `unmount`. Raises NoDiskError where the system does not let us."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"
        self._mounted = False

    def mount(self) -> None:
        """Make it."""
        if not sys.platform.startswith("linux"):
            raise NoDiskError("a small disk is made with tmpfs, which is Linux's own")
        if os.geteuid() != 0:
            raise NoDiskError("a small disk is mounted by root only")
        self.place.mkdir(exist_ok=True)
        words = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={MEBIBYTES}m,mode=700",
            "reviewlens-soak",
            str(self.place),
        ]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            raise NoDiskError(f"mount does not run here ({error})") from error
        if done.returncode:
            raise NoDiskError(f"a small disk could not be mounted: {done.stderr.strip()}")
        self._mounted = True

    def fill(self) -> None:
        """Leave no byte."""
        with self._filler.open("wb", buffering=0) as file:
            for size in _BLOCKS:
                block = bytes(size)
                try:
                    while file.write(block) == size:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give back what was filled."""
        with suppress(FileNotFoundError):
            self._filler.unlink()

    def unmount(self) -> None:
        """Unmount it, once the processes with open files there are gone."""
        for how in ([], [], [], ["-l"]):
            if not self._mounted:
                return
            done = subprocess.run(["umount", *how, self.place], capture_output=True, check=False)
            self._mounted = done.returncode != 0
            if self._mounted:
                time.sleep(0.3)
