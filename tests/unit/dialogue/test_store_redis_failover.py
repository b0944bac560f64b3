"""Sessions while their Redis fails over to a replica, or is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from support.detour import Detour, detour
from support.redis_server import RedisServer, redis_pair

from app.dialogue.model import ACTIVE, Session
from app.dialogue.store_redis import RedisSessions
from app.faults import PERHAPS_DONE, StoreError

SESSION = Session("s1", "the chair", "chair", "q-general")
ANSWERED = replace(SESSION, stage=ACTIVE, evidence=3)


@pytest.fixture
def pair() -> Iterator[tuple[RedisServer, RedisServer]]:
    """A primary, and a replica that has all of it."""
    with redis_pair() as both:
        yield both


@pytest.fixture
def way(pair: tuple[RedisServer, RedisServer]) -> Iterator[Detour]:
    """The address that both have in turn."""
    with detour(pair[0].port) as opened:
        yield opened


@pytest.fixture
def store(way: Detour) -> Iterator[RedisSessions]:
    """A store at that address, with a dialogue and a visit."""
    with closing(RedisSessions(f"redis://127.0.0.1:{way.port}/0", 60)) as opened:
        opened.begin(SESSION, None)
        yield opened


def wait_for_copy(primary: RedisServer) -> None:
    """Until the replica has all. Redis waits for what this very connection wrote last."""
    primary.client.set("last", "one")
    assert primary.client.wait(1, 5000) == 1


def go_on(store: RedisSessions) -> None:
    """Everything that a store does, with the dialogue that was there before."""
    kept = store.save(ANSWERED)
    assert store.get("s1") == kept
    store.begin(replace(SESSION, session_id="s2"), store.open_visit("the chair"))
    assert store.live_evidence(10).some == [("chair", "s1", 3)]
    assert store.tally("somebody", 1, 60) == 1
    assert store.abandon("s1", "browser_close")
    assert store.abandon("s1", "browser_close") is None
    assert store.expire() == []


def test_dialogues_go_on_at_a_replica_that_was_promoted(
    pair: tuple[RedisServer, RedisServer], way: Detour, store: RedisSessions
) -> None:
    """The primary is gone, with every connection; nobody notices but who asks in between."""
    primary, replica = pair
    wait_for_copy(primary)
    primary.process.kill()
    primary.process.wait(10)
    with pytest.raises(StoreError):
        store.get("s1")
    replica.client.replicaof("NO", "ONE")
    way.to = replica.port
    go_on(store)


def test_a_connection_to_a_primary_that_was_demoted_is_given_up(
    pair: tuple[RedisServer, RedisServer], way: Detour, store: RedisSessions
) -> None:
    """It stays open, and leads to a replica by now, which takes no writes; the address leads elsewhere."""
    primary, replica = pair
    wait_for_copy(primary)
    replica.client.replicaof("NO", "ONE")
    primary.client.replicaof("127.0.0.1", replica.port)
    way.to = replica.port
    go_on(store)


def test_a_slow_redis_is_waited_for_and_a_too_slow_one_is_not(way: Detour, store: RedisSessions) -> None:
    """What may have been done is told so, and is not done twice; the next one finds all as it was left."""
    way.seconds = 0.3
    kept = store.save(ANSWERED)
    way.seconds = 1.3
    with pytest.raises(StoreError, match="Timeout") as slow:
        store.save(replace(kept, evidence=9))
    assert slow.value.prospect == PERHAPS_DONE
    with pytest.raises(StoreError, match="Timeout"):
        store.get("s1")
    way.seconds = 0.0
    found = store.get("s1")
    assert found
    assert found.version in (1, 2)
    assert store.save(replace(found, evidence=4)).version == found.version + 1
