"""Follow stores of cells: each new record is checked and parsed once, for all subscribers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from telemetry.store.key import InstrumentKey, check, parse
from telemetry.store.page import Placed


class Store(Protocol):
    """Records, and the numbers of each page, read on demand. `generation` rises when the
    records start over.
    """

    generation: int
    placed: list[Placed]

    def numbers(self) -> Iterable[list[float]]: ...

    def is_doubtful(self) -> bool: ...


class CellRecord(NamedTuple):
    """A record: its instrument, its attributes as keys have them, and where its numbers are."""

    what: InstrumentKey
    attributes: bytes
    placed: Placed


class Subscriber(Protocol):
    """What takes in the records of stores."""

    def begin(self, store: Store) -> None:
        """This store's records begin, or start over: earlier ones are invalid."""

    def take(self, store: Store, record: CellRecord) -> None:
        """A new record. Raises nothing."""


@dataclass
class _Position:
    generation: int
    seen: int = 0
    broken: int = 0


def _length(what: InstrumentKey) -> int:
    return what.length


class Follower:
    """Hands each new record to its subscribers.

    They hold `lock` while they use their records, so that none arrives meanwhile. `length`: the numbers in an
    instrument's record; a record of another length is broken, as is one without a series.
    """

    def __init__(self, length: Callable[[InstrumentKey], int] = _length) -> None:
        self._length = length
        self._positions: dict[Store, _Position] = {}
        self._subscribers: list[Subscriber] = []
        self.lock = threading.RLock()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Hand over all records, existing ones included, from the next follow() on."""
        with self.lock:
            self._subscribers.append(subscriber)
            self._positions.clear()

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Hand over no more."""
        with self.lock:
            self._subscribers.remove(subscriber)

    def forked(self) -> None:
        """In a process just forked: a thread of the parent may have held the lock, within a record."""
        self.lock = threading.RLock()
        self._positions.clear()

    def follow(self, stores: Iterable[Store]) -> int:
        """Hand over what has come; how many of these stores' records are broken."""
        with self.lock:
            return sum([self._follow(store).broken for store in stores])

    def seen(self, store: Store) -> list[Placed]:
        """The records of a store so far, broken ones included."""
        return store.placed[: self._positions[store].seen]

    def _follow(self, store: Store) -> _Position:
        position = self._positions.get(store)
        if position is None or position.generation != store.generation:
            position = self._positions[store] = _Position(store.generation)
            for subscriber in self._subscribers:
                subscriber.begin(store)
        for placed in store.placed[position.seen :]:
            position.seen += 1
            try:
                record = self._record(placed)
            except ValueError:
                position.broken += 1
            else:
                for subscriber in self._subscribers:
                    subscriber.take(store, record)
        return position

    def _record(self, placed: Placed) -> CellRecord:
        what, attributes = parse(placed.key)
        check(placed.key, [0.0] * what.length)
        if placed.length != self._length(what):
            raise ValueError(f"{placed.length} numbers, expected {self._length(what)}")
        return CellRecord(what, attributes, placed)
