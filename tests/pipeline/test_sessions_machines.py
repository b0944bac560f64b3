"""Two machines, each a uvicorn with a state folder of its own, on one Redis: dialogues move, all adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.machines import WANTED, Machines, two_machines
from support.redis_server import RedisServer
from support.servers import wait_for
from support.session_stores import redis

from app.dialogue.model import digest

__all__ = ["redis"]

ANSWER = "네, 그 점이 가장 걱정돼요"
STAGES = {"dialogue_start", "dialogue_active", "dialogue_complete", "product_selection"}


@pytest.fixture
def machines(redis: RedisServer) -> Iterator[Machines]:
    """Two that nobody leaves by time."""
    with two_machines(redis.database(1).url) as running:
        yield running


def test_a_dialogue_that_moves_at_every_turn_ends_with_one_verdict(machines: Machines) -> None:
    """The visit, the start, each answer and each look at another machine than the one before."""
    page = machines.ask("GET", "/api/products/chair").json()
    begun = machines.ask("POST", "/api/sessions", {**WANTED, "visit_id": page["visit_id"]}).json()
    path, question, turns = f"/api/sessions/{begun['session_id']}", begun["question"], 0
    while question:
        given = {"answer": ANSWER, "question_id": question["question_id"]}
        turn = machines.ask("POST", f"{path}/turns", given).raise_for_status().json()
        turns, question = turns + 1, turn["question"]
        assert turn["turn"] == turns
        assert (turn["analysis"] is None) == (question is not None)
        named = digest(begun["session_id"])
        live = {} if turn["is_final"] else {named: machines.gauge(0).popitem()[1]}
        assert machines.gauge(0) == machines.gauge(1) == live
    assert 3 <= turns <= 5
    states = [machines.ask("GET", path, at=at).json() for at in range(2)]
    assert states[0] == states[1]
    assert states[0]["analysis"] == turn["analysis"]
    for stage in (
        "product_selection",
        "review_collection",
        "dialogue_start",
        "dialogue_active",
        "dialogue_complete",
    ):
        for action in ("enter", "complete"):
            assert machines.total("user_journey_stage_total", stage=stage, action=action) == 1, (
                stage,
                action,
            )
    counted = {
        "dialogue_sessions_total": 1,
        "dialogue_turns_total": turns,
        "dialogue_completions_total": 1,
        "product_analysis_total": 1,
        "retrieval_duration_seconds_count": 1 + turns,
        "evidence_count_count": 1 + turns,
        "session_abandoned_total": 0,
    }
    assert {name: machines.total(name) for name in counted} == counted
    assert 0 < sum(s.value for s in machines.samples(0) if s.name == "dialogue_turns_total") < turns


def test_two_turns_at_once_at_two_machines_are_both_taken(machines: Machines) -> None:
    """Of several dialogues: each answer that was accepted is one turn, and each has one verdict."""
    paths = [machines.begin() for _ in range(4)]
    accepted: Counter[str] = Counter()
    with ThreadPoolExecutor(8) as crowd:
        going_on = list(paths)
        while going_on:
            before = {path: machines.ask("GET", path).json()["turn"] for path in going_on}
            both = [
                (path, crowd.submit(machines.ask, "POST", f"{path}/turns", {"answer": f"{ANSWER} {at}"}, at))
                for path in going_on
                for at in range(2)
            ]
            codes = {
                path: sorted(each.result().status_code for at, each in both if at == path)
                for path in going_on
            }
            after = {path: machines.ask("GET", path).json() for path in going_on}
            for path in going_on:
                taken = after[path]["turn"] - before[path]
                ended = after[path]["status"] == "complete"
                assert codes[path] == ([200, 200] if taken == 2 else [200, 409]), (path, codes, after)
                assert taken == 2 or ended, "of two answers to a dialogue with two questions one was lost"
                accepted[path] += taken
            going_on = [path for path in going_on if after[path]["status"] == "live"]
    assert machines.total("dialogue_turns_total") == accepted.total()
    assert machines.total("dialogue_completions_total") == len(paths)
    assert machines.gauge(0) == machines.gauge(1) == {}


@pytest.fixture
def hasty_machines(redis: RedisServer) -> Iterator[Machines]:
    """Two that wait for an answer for some seconds: more than the test needs to leave."""
    with two_machines(redis.database(1).url, REVIEWLENS_SESSION_TIMEOUT="8") as running:
        yield running


def test_departures_and_time_outs_are_counted_once_in_all(hasty_machines: Machines) -> None:
    """Each session is left at both machines at once, or at none and times out; visits too."""
    machines = hasty_machines
    for _ in range(3):
        machines.ask("GET", "/api/products/chair")
    left, quiet = [machines.begin() for _ in range(4)], [machines.begin() for _ in range(3)]
    machines.ask("POST", f"{left[0]}/turns", {"answer": ANSWER}).raise_for_status()
    with ThreadPoolExecutor(8) as crowd:
        gone = [crowd.submit(machines.ask, "DELETE", path, None, at) for path in left for at in range(2)]
        assert {each.result().status_code for each in gone} == {204}
    wait_for("the time-outs", lambda: machines.total("session_abandoned_total", reason="timeout") >= 6, 30)
    wait_for("a sweep of each", lambda: machines.ask("GET", quiet[0]).json()["status"] == "abandoned")
    counted = {
        (stage, reason): machines.total("session_abandoned_total", stage=stage, reason=reason)
        for stage in STAGES
        for reason in ("timeout", "browser_close")
    }
    assert {key: value for key, value in counted.items() if value} == {
        ("dialogue_active", "browser_close"): 1,
        ("dialogue_start", "browser_close"): 3,
        ("dialogue_start", "timeout"): 3,
        ("product_selection", "timeout"): 3,
    }
