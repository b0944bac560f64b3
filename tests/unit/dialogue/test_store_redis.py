"""What only Redis does: keys that end by themselves, one clock, lost answers, a server that went away."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.detour import Detour, detour
from support.redis_server import RedisServer, redis_server
from support.servers import wait_for

from app.dialogue import store_redis
from app.dialogue.model import ACTIVE, Session
from app.dialogue.store_redis import PREFIX, RedisSessions
from app.faults import PASSES, PERHAPS_DONE, StoreError
from telemetry.testing import StepClock

SESSION = Session("s1", "the chair", "chair", "q-general")
ANSWERED = replace(SESSION, stage=ACTIVE, evidence=3)
DAY = 24 * 3600
LISTS = {"seen", "live", "evidence", "totals"}


@pytest.fixture
def server(redis: RedisServer) -> RedisServer:
    """The tests' Redis, emptied."""
    redis.client.flushdb()
    redis.client.config_resetstat()
    return redis


@pytest.fixture
def way(server: RedisServer) -> Iterator[Detour]:
    """A way to it that can lose answers."""
    with detour(server.port) as opened:
        yield opened


@pytest.fixture
def store(server: RedisServer, way: Detour) -> Iterator[RedisSessions]:
    """A store on that way, connected, with one session."""
    with closing(RedisSessions(f"redis://127.0.0.1:{way.port}/0", 60)) as opened:
        opened.begin(SESSION, None)
        yield opened


def status(store: RedisSessions) -> str:
    kept = store.get("s1")
    assert kept is not None
    return kept.status


def seconds_left(server: RedisServer) -> dict[str, float]:
    """What is kept of the sessions -> how long; tokens and probes, which go within a minute, left out."""
    ends = {key: server.client.pttl(key) / 1000 for key in server.client.scan_iter()}
    assert all(key.startswith(PREFIX) and left > 0 for key, left in ends.items())
    state = {key.removeprefix(PREFIX): left for key, left in ends.items()}
    return {key: left for key, left in state.items() if not key.startswith(("done:", "probe"))}


def test_every_key_is_ours_and_ends_by_itself(store: RedisSessions, server: RedisServer) -> None:
    """Where the service is gone for good, nothing stays; each sign of life puts the end off."""
    assert set(seconds_left(server)) == {"seen", "live", "totals", "session:s1"}
    store.open_visit("the chair")
    for go_on in (lambda: store.begin(replace(SESSION, session_id="s2"), None), lambda: store.save(ANSWERED)):
        for key in ("seen", "live", "totals", "session:s1"):
            server.client.expire(PREFIX + key, 100)
        go_on()
        assert seconds_left(server)["live"] > DAY
    assert set(seconds_left(server)) == {*LISTS, "visits", "session:s1", "session:s2"}
    assert all(DAY < left <= DAY + 60 for left in seconds_left(server).values())


def test_what_has_ended_is_kept_for_a_day_and_in_no_list(store: RedisSessions, server: RedisServer) -> None:
    """However it ended."""
    now = time.time()
    for name in ("left", "quiet"):
        store.begin(replace(SESSION, session_id=name), store.open_visit("the chair"))
    store.save(replace(store.save(ANSWERED), status="complete"))
    store.abandon("left", "browser_close")
    with closing(RedisSessions(server.url, 60, lambda: now + 100)) as later:
        assert [each.session_id for each in later.expire()] == ["quiet"]
    kept = seconds_left(server)
    assert set(kept) == {"totals", "session:s1", "session:left", "session:quiet"}
    assert server.client.hvals(f"{PREFIX}totals") == ["0"] * 3
    assert all(DAY - 60 < left <= DAY + 60 for left in kept.values())


def test_no_number_of_sessions_makes_a_scrape_search(store: RedisSessions, server: RedisServer) -> None:
    """Neither the gauge nor the sweep looks through all keys."""
    store.save(ANSWERED)
    store.live_evidence(10)
    store.expire()
    asked = set(server.client.info("commandstats"))
    assert "cmdstat_zrangebyscore" in asked
    assert asked.isdisjoint({"cmdstat_keys", "cmdstat_scan", "cmdstat_hscan", "cmdstat_zscan"})


def test_the_time_is_that_of_redis(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is a day ahead ends nobody's dialogue."""
    with closing(RedisSessions(server.url, 60)) as here:
        here.begin(SESSION, None)
        here.save(ANSWERED)
        monkeypatch.setattr(time, "time", lambda: 2e9)
        assert here.expire() == []
        assert here.live_evidence(10).some == [("chair", "s1", 3)]
        with closing(RedisSessions(server.url, 0.001)) as hasty:
            ended = wait_for("the time-out", hasty.expire)
    assert [each.session_id for each in ended] == ["s1"]


Write = Callable[[RedisSessions], object]
WRITES: dict[str, tuple[Write, Callable[[object], bool]]] = {
    "save": (lambda store: store.save(ANSWERED), lambda kept: kept == ANSWERED),
    "abandon": (lambda store: store.abandon("s1", "browser_close"), bool),
    "open_visit": (lambda store: store.open_visit("the desk"), bool),
    "get": (lambda store: store.get("s1"), lambda kept: kept == SESSION),
}


@pytest.mark.parametrize("name", WRITES)
def test_an_answer_that_was_lost_is_asked_for_again(name: str, store: RedisSessions, way: Detour) -> None:
    """What was done is not done twice, and is told to the one who asked: it would go uncounted."""
    write, right = WRITES[name]
    way.lose = 1
    assert right(write(store))
    assert way.lost == 1


def test_a_visit_whose_end_was_lost_on_the_way_is_told(store: RedisSessions, way: Detour) -> None:
    """The second time, Redis finds no visit any more."""
    visit = store.open_visit("the chair")
    way.lose = 1
    assert store.begin(replace(SESSION, session_id="s2"), visit)
    assert way.lost == 1


def test_time_outs_whose_answer_was_lost_are_told(
    store: RedisSessions, way: Detour, server: RedisServer
) -> None:
    """And to nobody else."""
    now = time.time()
    with closing(RedisSessions(f"redis://127.0.0.1:{way.port}/0", 60, lambda: now + 61)) as later:
        later.probe(1)
        later.open_visit("the desk")
        way.lose = 1
        assert [each.session_id for each in later.expire()] == ["s1"]
        assert later.expire() == []
    assert way.lost == 1


def test_what_comes_after_its_sender_has_given_up_is_not_done(server: RedisServer) -> None:
    """The shopper was told to try again: a turn that is taken later would be taken, and not counted."""

    def scripts_run() -> int:
        calls: int = server.client.info("commandstats")["cmdstat_evalsha"]["calls"]
        return calls

    with closing(RedisSessions(server.url, 60)) as store:
        store.begin(SESSION, None)
        kept = store.save(ANSWERED)  # now Redis knows the script
        before = scripts_run()
        server.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(StoreError, match="Timeout"):
                store.save(replace(kept, evidence=9))
        finally:
            server.process.send_signal(signal.SIGCONT)
        wait_for("the late script", lambda: scripts_run() > before)
        assert store.get("s1") == kept
        assert store.save(replace(kept, evidence=9)).version == 2


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_clock_that_was_set_keeps_nobody_out(store: RedisSessions, jump: float) -> None:
    """Nor another Redis that took over, with a clock of its own."""
    assert store._ahead is not None
    store._ahead += jump
    assert store.save(ANSWERED) == ANSWERED
    assert store.abandon("s1", "browser_close")


def test_a_way_that_loses_all_is_a_store_that_cannot_be_used(store: RedisSessions, way: Detour) -> None:
    """After two tries, so that nobody waits for long."""
    way.lose = 2
    with pytest.raises(
        StoreError, match=f"the store redis://127.0.0.1:{way.port}/0 cannot be used: "
    ) as lost:
        store.abandon("s1", "browser_close")
    assert lost.value.prospect == PERHAPS_DONE
    assert way.lost == 2
    assert status(store) == "abandoned"


def test_a_redis_that_was_started_anew_is_used_at_once() -> None:
    """Open connections are made anew, and so are the scripts that it knew."""
    with redis_server() as first, closing(RedisSessions(first.url, 60)) as store:
        store.begin(SESSION, None)
        port = first.port
        first.process.terminate()
        first.process.wait(10)
        for ask in (lambda: store.get("s1"), lambda: store.abandon("s1", "browser_close")):
            with pytest.raises(StoreError, match=r"Connection refused\. See that it runs") as refused:
                ask()
            assert refused.value.prospect == PASSES
        with redis_server(port=port):
            assert store.get("s1") is None
            store.begin(SESSION, None)
            assert status(store) == "live"


def test_a_socket_of_the_machine_is_an_address_too(tmp_path: Path) -> None:
    """With the number of a database."""
    path = tmp_path / "redis.sock"
    with redis_server("--unixsocket", path), closing(RedisSessions(f"unix://{path}?db=1", 60)) as store:
        store.begin(SESSION, None)
        assert store.get("s1") == SESSION
    with pytest.raises(StoreError, match=f"the store unix://{path} cannot be used: "):
        store.get("s1")


def test_a_full_redis_takes_what_makes_room(store: RedisSessions, server: RedisServer) -> None:
    """A shopper leaves, others time out, and nothing new begins."""
    now = time.time()
    store.begin(replace(SESSION, session_id="quiet"), None)
    server.client.config_set("maxmemory", "100kb")
    try:
        with pytest.raises(StoreError, match="It is full: raise its maxmemory") as full:
            store.begin(replace(SESSION, session_id="new"), None)
        assert full.value.reason == "command not allowed when used memory > 'maxmemory'"
        with pytest.raises(StoreError, match="It is full"):
            store.probe(1)
        assert store.abandon("s1", "browser_close")
        with closing(RedisSessions(server.url, 60, lambda: now + 100)) as later:
            assert [each.session_id for each in later.expire()] == ["quiet"]
    finally:
        server.client.config_set("maxmemory", "0")
    assert store.get("new") is None


def test_a_script_that_is_wrong_stays_a_fault_of_ours(store: RedisSessions) -> None:
    """Else a bug would look like a passing trouble."""
    with pytest.raises(Exception, match="WRONGTYPE") as wrong:
        store._tried(lambda: store._redis.incr(f"{PREFIX}seen"))
    assert not isinstance(wrong.value, StoreError)


def test_the_tries_take_as_long_as_a_locked_file_does() -> None:
    """A shopper waits no longer for one store than for the other."""
    from app.database import REQUEST_SECONDS

    assert 2 * store_redis.TRY_SECONDS == REQUEST_SECONDS


def test_time_outs_whose_answer_is_lost_for_long_are_told_in_the_end(
    store: RedisSessions, way: Detour, server: RedisServer
) -> None:
    """They were ended in Redis for the one who asked, and nobody else would count them."""
    clock = StepClock(step=0.0, start=time.time())
    with closing(RedisSessions(f"redis://127.0.0.1:{way.port}/0", 60, clock)) as later:
        assert later.expire() == []
        clock.now += 61
        for _ in range(3):
            way.lose = 2
            with pytest.raises(StoreError):
                later.expire()
        assert status(store) == "abandoned"
        assert [each.session_id for each in later.expire()] == ["s1"]
        assert later.expire() == []


def test_what_an_older_version_has_written_is_counted_in(store: RedisSessions, server: RedisServer) -> None:
    """It keeps the list of live dialogues and no sums, as long as one machine of several is the older one."""
    store.save(ANSWERED)
    summary = server.client.hget(f"{PREFIX}live", "s1")
    for name in ("old", "older"):
        server.client.hset(f"{PREFIX}live", name, summary)
        server.client.zadd(f"{PREFIX}seen", {name: time.time()})
    live = store.live_evidence(10)
    assert {each.session_id for each in live.some} == {"s1", "old", "older"}
    assert live.totals == {"chair": (3, 9)}
    server.client.hdel(f"{PREFIX}live", "old")
    server.client.zrem(f"{PREFIX}seen", "old")
    assert store.live_evidence(1).totals == {"chair": (2, 6)}
    assert all(left > 0 for left in seconds_left(server).values())


def test_a_list_that_lacks_a_session_changes_nothing(store: RedisSessions, server: RedisServer) -> None:
    """A Redis that threw keys away, or was restored in part: it ends at its stage; one that is gone counts
    for none."""
    store.save(ANSWERED)
    server.client.delete(f"{PREFIX}live")
    server.client.zadd(f"{PREFIX}seen", {"gone": 1, "s1": 2})
    assert store.live_evidence(10) == ([], {})
    assert [(each.session_id, each.stage) for each in store.expire()] == [("s1", ACTIVE)]
    assert store.expire() == []
