"""Faults outside of the process: what takes its pushes, the files of its workers, the disk they are on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from support.gate import Gate
from support.otlp_sink import Sink

DISK = "4m"
Undo = Callable[[], int]
"""Ends a fault; how often it was met. Where that is not known, the row's line in the log tells it."""


class FaultyReceiver:
    """A sink, and the way to it."""

    def __init__(self, sink: Sink, way: Gate) -> None:
        self._sink, self._way = sink, way
        self.faults: Mapping[str, Callable[[], Undo]] = {
            "receiver answers 500": self._refuses,
            "receiver hangs": self._hangs,
            "receiver cuts": self._cuts,
            "receiver gone": self._gone,
        }

    def _refuses(self) -> Undo:
        self._sink.status = 500
        return self._well

    def _hangs(self) -> Undo:
        self._sink.go.clear()
        return self._well

    def _well(self) -> int:
        self._sink.status = 200
        self._sink.go.set()
        return 1

    def _cuts(self) -> Undo:
        self._way.cut, self._way.met = True, 0
        self._way.hang_up()

        def undo() -> int:
            self._way.cut = False
            return self._way.met

        return undo

    def _gone(self) -> Undo:
        self._way.close()

        def undo() -> int:
            self._way.open()
            return 1

        return undo


class Files:
    """The folder of the workers' files. `full` is there where it is a disk of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.faults: dict[str, Callable[[], Undo]] = {
            "file of garbage": lambda: self._one_more(lambda whole: bytes(reversed(whole))),
            "file cut short": lambda: self._one_more(lambda whole: whole[:40]),
        }
        if folder.is_mount():
            self.faults["no room"] = self._full

    def _one_more(self, made: Callable[[bytes], bytes]) -> Undo:
        """As if of a worker that is no more."""
        whole = next(path for path in self._folder.glob("workers/*/*") if path.is_file())
        return self._while_there(whole.with_stem("9"), made(whole.read_bytes()))

    @staticmethod
    def _while_there(path: Path, content: bytes) -> Undo:
        path.write_bytes(content)

        def undo() -> int:
            path.unlink()
            return 1

        return undo

    def _full(self) -> Undo:
        filler = self._folder / "filler"
        undo = self._while_there(filler, b"")
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        return undo


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A file system of its own at this place, where one may be mounted; else a folder."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and not subprocess.run(mount, capture_output=True, check=False).returncode
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
