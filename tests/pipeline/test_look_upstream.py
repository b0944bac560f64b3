"""Before servers that are no Prometheus, or a slow, a guarded or an absent one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.looked import EMPTY, Asked, Looking, Reply, board, in_its_place, looking, write
from support.servers import HTTP, free_port, wait_for

from telemetry.look import bounds
from telemetry.look.bounds import ANSWER_BYTES, CONCURRENCY, SECONDS, WAITING
from telemetry.look.options import Options
from telemetry.look.refusals import RefusedError
from telemetry.look.upstream import Upstream

HTML = b"<html><title>Sign in</title></html>"


class InItsPlace:
    """A server whose next answers a test chooses, and the `telemetry look` before it."""

    look: Looking
    seen: list[Asked]

    def __init__(self) -> None:
        self.reply: Callable[[Asked], Reply] = nothing

    def answer(self, asked: Asked) -> Reply:
        return self.reply(asked)


def nothing(_: Asked) -> Reply:
    """No series."""
    return 200, {}, EMPTY


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    """One board."""
    return write(tmp_path / "boards", board("one", "up"))


@pytest.fixture(scope="module")
def only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InItsPlace]:
    """One for all tests that need no options: to start takes longer than to ask."""
    boards = write(tmp_path_factory.mktemp("look") / "boards", board("one", "up"))
    place = InItsPlace()
    with in_its_place(place.answer) as (url, place.seen), looking(boards, url) as place.look:
        yield place


@pytest.fixture
def place(only: InItsPlace) -> InItsPlace:
    """The same, which has seen nothing yet."""
    only.seen.clear()
    only.reply = nothing
    return only


def query(look: Looking, expr: str = "up") -> tuple[int, str, str]:
    """Status, kind of error, words."""
    answer = look.ask("/api/prometheus/query", params={"query": expr})
    body = answer.json()
    return answer.status_code, body.get("errorType", ""), body.get("error", "")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((200, {"Content-Type": "text/html; charset=utf-8"}, HTML), "it answers 200 with text/html"),
        ((200, {}, HTML), "no JSON object"),
        ((200, {}, b""), "no JSON object"),
        ((302, {"Location": "http://127.0.0.1:1/secret-place"}, b""), "it answers with a redirect (302)"),
        ((308, {"Location": "//secret-place/"}, b""), "it answers with a redirect (308)"),
        ((401, {"WWW-Authenticate": "Bearer"}, b"{}"), "it refuses the token, or asks for one (401)"),
        ((403, {}, b"{}"), "it refuses the token, or asks for one (403)"),
        ((502, {"Content-Type": "text/plain"}, b"bad gateway"), "it answers 502 with text/plain"),
        ((418, {}, b"{}"), "it answers 418"),
    ],
)
def test_what_is_no_prometheus_is_said(place: InItsPlace, reply: Reply, words: str) -> None:
    """Nothing of its answer reaches the page, no header and no address."""
    place.reply = lambda _: reply
    status, kind, error = query(place.look)
    assert (status, kind) == (502, "unreachable")
    assert words in error
    assert "secret-place" not in error
    assert "127.0.0.1" not in error
    assert len(place.seen) == 1, "a redirect was followed"


@pytest.mark.parametrize(
    "body",
    [
        EMPTY,
        b'{"data": [1]}',
        b'{"data": {"groups": [1]}}',
        b'{"data": {"up": [[]]}}',
        b'{"data": {"groups": 1}}',
    ],
)
def test_odd_metadata_is_said(place: InItsPlace, body: bytes) -> None:
    """JSON, but not as Prometheus has it: no fault of this process."""
    place.reply = lambda _: (200, {}, body)
    answer = place.look.ask("/api/catalogue")
    assert (answer.status_code, answer.json()["errorType"]) == (502, "unreachable")


def test_none_there_and_back_again(boards: Path) -> None:
    """The page runs before Prometheus does, says so, and goes on when it is there."""
    with looking(boards, f"http://127.0.0.1:{free_port()}") as look:
        status, kind, error = query(look)
        assert (status, kind) == (502, "unreachable")
        assert "it does not answer" in error
        assert look.ask("/api/boards").status_code == 200
        assert look.ask("/api/catalogue").json() == {"metrics": []}


def test_the_token_is_read_each_time_and_told_to_nobody_else(boards: Path, tmp_path: Path) -> None:
    """It can be changed while the page is served; a browser's own headers do not go on."""
    token = tmp_path / "token"
    token.write_text("first-s3cret\n")
    token.chmod(0o600)
    with (
        in_its_place(nothing) as (url, seen),
        looking(boards, f"{url}/base/", "--prometheus-token-file", str(token)) as look,
    ):
        headers = {"authorization": "Bearer theirs", "cookie": "a=b", "x-forwarded-for": "1.2.3.4"}
        answer = look.ask("/api/prometheus/query", params={"query": "a&b=c\r\nX: 1"}, headers=headers)
        assert answer.status_code == 200
        token.write_text("second-s3cret")
        assert look.ask("/api/prometheus/rules").status_code == 200
        first, second = seen
        assert (first.method, first.path) == ("POST", "/base/api/v1/query")
        assert first.body == "query=a%26b%3Dc%0D%0AX%3A+1&timeout=30s"
        named = {name.lower(): value for name, value in first.headers.items()}
        assert named["authorization"] == "Bearer first-s3cret"
        assert not {"cookie", "x-forwarded-for"} & set(named)
        assert second.headers["authorization"] == "Bearer second-s3cret"
        token.unlink()
        status, kind, error = query(look)
        assert (status, kind) == (502, "unreachable")
        assert str(tmp_path) not in error
        assert "s3cret" not in look.log.read_text()


def test_an_answer_that_is_too_long_is_given_up(place: InItsPlace) -> None:
    """It is not piled up in memory."""
    body = b'{"status":"success","data":"' + b"x" * ANSWER_BYTES + b'"}'
    place.reply = lambda _: (200, {}, body)
    status, kind, error = query(place.look)
    assert (status, kind) == (422, "limit")
    assert "ask for fewer series or a shorter range" in error


class Held:
    """Answers that wait until they are let go; how many wait at most at one time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock, self._go = threading.Lock(), threading.Event()

    def __call__(self, _: Asked) -> Reply:
        self._count(1)
        self._go.wait(60)
        self._count(-1)
        return 200, {}, EMPTY

    def _count(self, change: int) -> None:
        with self._lock:
            self.now += change
            self.most = max(self.most, self.now)

    def let_go(self) -> None:
        self._go.set()


def test_a_slow_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is told so, and the place is free; the bound is a tenth of a second here."""
    held = Held()
    monkeypatch.setattr(bounds, "SECONDS", 0.1)

    async def ask(url: str) -> None:
        upstream = Upstream(Options(prometheus=url))
        try:
            await upstream.ask("query", [("query", "up")])
        finally:
            await upstream.close()

    with in_its_place(held) as (url, _):
        with pytest.raises(RefusedError) as refused:
            asyncio.run(ask(url))
        held.let_go()
    assert (refused.value.status, refused.value.kind) == (504, "timeout")


def test_more_questions_than_can_wait_are_refused(place: InItsPlace) -> None:
    """Prometheus has no more of them at once than the bound; the others wait, or are to ask again."""
    place.reply = held = Held()
    many = CONCURRENCY + WAITING + 5
    with ThreadPoolExecutor(many) as pool:
        asks = [pool.submit(query, place.look) for _ in range(many)]
        wait_for("the refusals", lambda: sum(ask.done() for ask in asks) == 5)
        refused = [ask.result() for ask in asks if ask.done()]
        wait_for("all slots taken", lambda: held.now == CONCURRENCY)
        assert place.look.ask("/healthz").status_code == 200
        held.let_go()
        answers = [ask.result() for ask in asks]
    assert refused == [(503, "busy", "too many questions at once; ask again")] * 5
    assert answers.count((200, "", "")) == CONCURRENCY + WAITING
    assert held.most == CONCURRENCY


def test_a_browser_that_leaves_gives_its_place_back(place: InItsPlace) -> None:
    """A board that is closed during its queries holds nobody up."""
    held = Held()
    place.reply = lambda asked: (200, {}, EMPTY) if "quick" in asked.body else held(asked)
    request = b"GET /api/prometheus/query?query=slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    leaving = [socket.create_connection(("127.0.0.1", place.look.port)) for _ in range(CONCURRENCY)]
    for connection in leaving:
        connection.sendall(request)
    wait_for("all slots taken", lambda: held.now == CONCURRENCY)
    for connection in leaving:
        connection.close()
    # Before those that wait are given up, which would free their places too.
    quick = HTTP.get(f"{place.look.url}/api/prometheus/query", params={"query": "quick"}, timeout=SECONDS / 2)
    assert quick.status_code == 200
    held.let_go()
