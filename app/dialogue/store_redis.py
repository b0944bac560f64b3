"""Sessions in a Redis: they serve every worker of many machines."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from app.dialogue import store_redis_scripts as scripts
from app.dialogue.model import Abandoned, Reason, Session, as_document, from_document
from app.dialogue.store import (
    KEEP_ENDED_SECONDS,
    MOST_LIVE,
    PORTION,
    PRODUCT_SELECTION,
    LiveEvidence,
    Overtaken,
    SessionEvidence,
    TooManyLive,
)
from app.dialogue.store_redis_faults import AWAY, explained, was_sent
from app.faults import PERHAPS_DONE, StoreError
from telemetry.secrets import without_secrets

PREFIX = "reviewlens:"
SESSION = f"{PREFIX}session:"
STARTS = f"{PREFIX}starts:"
# Of one try; there are two, so that a shopper waits as long as for a locked SQLite file.
TRY_SECONDS = 1.0
T = TypeVar("T")


class RedisSessions:
    """See SessionStore. Raises ValueError or TypeError for an address that redis-py cannot use.

    `clock` is for tests; without it the time is Redis's own.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        clock: Callable[[], float] | None = None,
        most_live: int = MOST_LIVE,
    ) -> None:
        self._place = without_secrets(url)
        self._timeout = timeout_seconds
        self._clock = clock
        self._most_live = most_live
        self._sweep = ""  # the token of one whose answer has not come
        self._sweeping = threading.Lock()
        self._ahead: float | None = None  # the clock of Redis, of ours
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TRY_SECONDS,
            socket_connect_timeout=TRY_SECONDS,
            retry=Retry(NoBackoff(), 0),  # ours knows how long that takes in all
            **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        )
        self._redis.connection_pool.make_connection()  # says here which option it does not know
        self._scripts: dict[str, Script] = {}

    def open_visit(self, product_id: str) -> str:
        """See SessionStore."""
        visit_id = uuid.uuid4().hex
        self._run(scripts.OPEN_VISIT, _visit(visit_id, product_id))
        return visit_id

    def begin(self, session: Session, visit_id: str | None) -> bool:
        """See SessionStore."""
        visit = _visit(visit_id, session.product_id)
        given = (visit, session.session_id, _body(session), _summary(session), self._most_live)
        seen_before = self._run(scripts.BEGIN, *given, key=SESSION + session.session_id)
        if seen_before == "full":
            raise TooManyLive(self._most_live)
        return bool(seen_before)

    def get(self, session_id: str) -> Session | None:
        """See SessionStore."""
        found: Any = self._tried(lambda: self._redis.hgetall(SESSION + session_id))
        if not found:
            return None
        document = {**json.loads(found["body"]), "status": found["status"]}
        return from_document({**document, "version": int(found["version"])})

    def save(self, session: Session) -> Session:
        """See SessionStore."""
        following = replace(session, version=session.version + 1)
        given = (session.version, session.session_id, session.status, _body(following), _summary(session))
        if not self._run(scripts.SAVE, *given, key=SESSION + session.session_id):
            raise Overtaken(session.session_id)
        return following

    def abandon(self, session_id: str, reason: Reason) -> Abandoned | None:
        """See SessionStore."""
        stage = self._run(scripts.ABANDON, session_id, key=SESSION + session_id)
        return Abandoned(stage, reason, session_id) if stage else None

    def expire(self) -> list[Abandoned]:
        """See SessionStore. If the answer is lost, the next call asks for the same answer again."""
        with self._sweeping:
            self._sweep = self._sweep or uuid.uuid4().hex
            ended = self._run(scripts.EXPIRE, SESSION, PORTION, token=self._sweep)
            self._sweep = ""
        sessions = [Abandoned(stage, "timeout", session_id) for session_id, stage in ended["sessions"]]
        return sessions + [Abandoned(PRODUCT_SELECTION, "timeout")] * ended["visits"]

    def forget(self) -> int:
        """See SessionStore. Redis does so by itself."""
        return 0

    def live_evidence(self, most: int) -> LiveEvidence:
        """See SessionStore. The oldest are the first answered."""
        keys = [PREFIX + name for name in ("live", "evidence", "totals")]
        some, totals = self._tried(lambda: self._script(scripts.LIVE)(keys, [most]))
        listed = [(session_id, json.loads(summary)) for session_id, summary in _pairs(some)]
        return LiveEvidence(
            [SessionEvidence(category, session_id, pieces) for session_id, (_, category, pieces) in listed],
            _by_category(dict(_pairs(totals))),
        )

    def tally(self, key: str, amount: int, seconds: int) -> int:
        """See SessionStore."""
        return int(self._run(scripts.TALLY, amount, seconds * 1000, key=STARTS + key))

    def tallied(self, key: str) -> tuple[int, float]:
        """See SessionStore."""

        def ask() -> tuple[int, float]:
            with self._redis.pipeline() as both:
                both.get(STARTS + key)
                both.pttl(STARTS + key)
                amount, milliseconds = both.execute()
            return int(amount or 0), max(0, milliseconds) / 1000

        return self._tried(ask)

    def probe(self, seconds: float) -> None:
        """See SessionStore. Waits one try at most, whatever `seconds` is."""
        with explained(self._place):
            self._redis.set(f"{PREFIX}probe", time.time(), px=1000)

    def warnings(self) -> list[str]:
        """See SessionStore."""
        try:
            memory: Any = self._redis.info("memory")
        except redis.RedisError:  # some services do not allow the question
            return []
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy == "noeviction" or not memory.get("maxmemory"):
            return []
        return [
            f"the store {self._place} throws dialogues away when it is full: set its maxmemory-policy to "
            f"noeviction, it is {policy}"
        ]

    def close(self) -> None:
        """See SessionStore."""
        self._redis.close()

    def _run(self, script: str, *given: str | int, key: str = SESSION, token: str = "") -> Any:
        """A writing script's answer. Sent twice with one token, the script writes once."""
        done, visits, seen, live, evidence, totals = (
            PREFIX + name
            for name in (f"done:{token or uuid.uuid4().hex}", "visits", "seen", "live", "evidence", "totals")
        )
        keys = [done, visits, seen, live, key, evidence, totals]
        for _ in range(2):  # once more where the clock of Redis was set, or another Redis has taken over
            around = (self._now(), self._timeout, int(KEEP_ENDED_SECONDS * 1000), self._until())
            ask = partial(self._script(script), keys, [*around, *given])
            reply = json.loads(self._tried(ask, writes=True))
            self._ahead = reply["now"] - time.monotonic()
            if "answer" in reply:
                return reply["answer"]
        raise StoreError(f"the store {self._place} cannot be used: its clock jumps", "its clock jumps")

    def _until(self) -> str:
        """The deadline of a command sent now, by Redis's clock."""
        if self._clock:
            return ""
        if self._ahead is None:
            seconds, microseconds = self._tried(self._redis.time)
            self._ahead = seconds + microseconds / 1e6 - time.monotonic()
        return repr(time.monotonic() + self._ahead + 2 * TRY_SECONDS)

    def _tried(self, ask: Callable[[], T], writes: bool = False) -> T:
        """The answer to something that may be asked twice. Raises StoreError; `writes`: it says so where it
        may have been done all the same."""
        sent = False
        try:
            with explained(self._place):
                try:
                    return ask()
                except AWAY as error:
                    sent = was_sent(error)
                    # Another Redis may have the address by now, while open connections lead to the old one.
                    self._redis.connection_pool.disconnect(inuse_connections=False)
                    return ask()
        except StoreError as error:
            if writes and (sent or was_sent(error.__cause__)):
                error.prospect = PERHAPS_DONE
            raise

    def _script(self, text: str) -> Script:
        if text not in self._scripts:
            self._scripts[text] = self._redis.register_script(text)
        return self._scripts[text]

    def _now(self) -> str:
        return repr(self._clock()) if self._clock else ""


def _pairs(flat: list[str]) -> Iterable[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _by_category(totals: dict[str, str]) -> dict[str, tuple[int, int]]:
    counted = {name[2:]: int(number) for name, number in totals.items() if name.startswith("n:")}
    return {category: (n, int(totals[f"p:{category}"])) for category, n in counted.items() if n}


def _visit(visit_id: str | None, product_id: str) -> str:
    return f"{visit_id} {product_id}"


def _body(session: Session) -> str:
    return json.dumps(as_document(session), ensure_ascii=False)


def _summary(session: Session) -> str:
    """A live session's entry in the hash `live`."""
    return json.dumps([session.stage, session.category, session.evidence], ensure_ascii=False)
