"""The simulator's parts: scripts, answers and the ledger, as pure values."""

from __future__ import annotations

from statistics import median

import pytest
from pydantic import ValidationError

from app.llm.base import LLMError
from app.llm.simulator.answers import SimulatedRequest, say, tokens
from app.llm.simulator.ledger import KEPT, RequestLedger
from app.llm.simulator.script import Director, Failure, Scene, Script
from app.llm.verdict import Draft, VerdictRequest, parse, prompt_for
from app.reviews.models import Evidence, FactorScore
from telemetry.testing import StepClock

REQUEST = VerdictRequest(
    "소곤 청소기",
    "robot_cleaner",
    (FactorScore("noise", "소음", 0.9),),
    (
        Evidence("r1", 2, "밤에 시끄러워요", "noise", "NEG", 0.9),
        Evidence("r2", 5, "조용해요", "noise", "POS", 0.8),
    ),
)


def outcomes(director: Director, provider: str, count: int) -> list[str]:
    return [director.scene(provider).outcome for _ in range(count)]


def test_failures_are_spent_in_order_and_then_all_is_well() -> None:
    """The first two requests meet the first failure, the third the second, of this provider alone."""
    director = Director()
    director.set(
        "openai", Script(failures=(Failure(outcome="server", next=2), Failure(outcome="hang", next=1)))
    )
    assert outcomes(director, "openai", 5) == ["server", "server", "hang", "ok", "ok"]
    assert outcomes(director, "gemini", 2) == ["ok", "ok"]


def test_a_share_is_drawn_by_the_seed() -> None:
    """The same script gives the same outcomes from its start, another seed others, all near the share."""
    script = Script(failures=(Failure(outcome="rate_limit", share=0.3),), seed=1)
    director = Director(script)
    first = outcomes(director, "claude", 500)
    director.set("claude", script)
    assert outcomes(director, "claude", 500) == first
    director.set("claude", script.model_copy(update={"seed": 2}))
    other = outcomes(director, "claude", 500)
    assert other != first
    assert 110 < first.count("rate_limit") < 190
    assert 110 < other.count("rate_limit") < 190


def test_each_provider_fails_with_its_own_status() -> None:
    """An overload is 503, 500 or 529, a bad key 400 or 401; a status that is given stands."""
    for failure, expected in (
        (Failure(outcome="server"), [503, 500, 529]),
        (Failure(outcome="auth"), [400, 401, 401]),
        (Failure(outcome="rate_limit"), [429, 429, 429]),
        (Failure(outcome="auth", status=403), [403, 403, 403]),
    ):
        director = Director(Script(failures=(failure,)))
        assert [director.scene(one).status for one in ("gemini", "openai", "claude")] == expected


def test_latency_is_fixed_or_log_normal_about_its_median() -> None:
    """Without a sigma every request waits alike; with one, half of them wait longer."""
    fixed = Director(Script(latency_seconds=0.4))
    assert {fixed.scene("gemini").latency for _ in range(5)} == {0.4}
    spread = Director(Script(latency_seconds=0.4, latency_sigma=0.5))
    drawn = [spread.scene("gemini").latency for _ in range(1001)]
    assert len(set(drawn)) == 1001
    assert median(drawn) == pytest.approx(0.4, rel=0.1)


@pytest.mark.parametrize(
    "wrong", [{"latency_seconds": -1}, {"latency": 1}, {"failures": [{"outcome": "explode"}]}]
)
def test_a_wrong_script_is_refused(wrong: dict[str, object]) -> None:
    """A typing error does not pass for a simulation."""
    with pytest.raises(ValidationError):
        Script.model_validate(wrong)


def said(text: str, **script: object) -> str:
    scene = Scene("ok", 200, 0.0, Script.model_validate(script))
    return say(SimulatedRequest("m", text, False), scene).text


def test_an_answer_is_a_verdict_on_the_evidence_of_the_prompt() -> None:
    """It is Korean, names product, factor and quotes, and is the same for the same prompt and seed."""
    prompt = prompt_for(REQUEST).user
    draft = parse(said(prompt), "gemini")
    assert "소곤 청소기" in draft.summary
    assert "근거는 2건이고 그중 불만은 1건" in draft.summary
    assert draft.key_findings == (
        "소음에 대한 불만: “밤에 시끄러워요” (별점 2점)",
        "소음에 대한 만족: “조용해요” (별점 5점)",
    )
    assert said(prompt) == said(prompt)
    assert len({said(prompt, seed=seed) for seed in range(20)}) > 1


@pytest.mark.parametrize("prompt", ["", "안녕하세요", "<review_data>[]</review_data>", "<review_data>{"])
def test_any_prompt_gets_a_verdict(prompt: str) -> None:
    """Other people's prompts are answered as well."""
    assert isinstance(parse(said(prompt), "gemini"), Draft)


def test_tokens_are_one_for_two_characters() -> None:
    """Rounded up; a script may say other figures."""
    assert [tokens("가" * length) for length in (0, 1, 2, 3, 100)] == [0, 1, 1, 2, 50]
    scene = Scene("ok", 200, 0.0, Script())
    answer = say(SimulatedRequest("m", "가나다", False), scene)
    assert (answer.prompt_tokens, answer.completion_tokens) == (2, tokens(answer.text))
    told = say(
        SimulatedRequest("m", "가나다", False),
        Scene("ok", 200, 0.0, Script(prompt_tokens=0, completion_tokens=9)),
    )
    assert (told.prompt_tokens, told.completion_tokens) == (0, 9)


def test_the_first_characters_have_their_part_of_the_tokens() -> None:
    """To the nearest, none at the beginning, all at the end, and never fewer than before."""
    answer = say(SimulatedRequest("m", "가나다", True), Scene("ok", 200, 0.0, Script(completion_tokens=1000)))
    parts = [answer.tokens_of(chars) for chars in range(len(answer.text) + 1)]
    assert (parts[0], parts[-1], parts) == (0, 1000, sorted(parts))
    plain = say(SimulatedRequest("m", "가나다", True), Scene("ok", 200, 0.0, Script()))
    for chars in range(len(plain.text) + 1):
        assert plain.tokens_of(chars) == tokens(plain.text[:chars])


def test_the_pieces_of_a_stream_are_the_text() -> None:
    """Nothing is lost or doubled between whole and streamed."""
    answer = say(SimulatedRequest("m", "가나다", True), Scene("ok", 200, 0.0, Script(piece_chars=7)))
    assert "".join(answer.pieces) == answer.text
    assert {len(piece) for piece in answer.pieces[:-1]} == {7}


@pytest.mark.parametrize("outcome", ["truncated", "invalid_verdict", "empty"])
def test_useless_answers_are_no_verdicts(outcome: str) -> None:
    """Half a JSON object, an apology, and nothing."""
    answer = say(SimulatedRequest("m", prompt_for(REQUEST).user, False), Scene(outcome, 200, 0.0, Script()))  # type: ignore[arg-type]
    with pytest.raises(LLMError, match="JSON json_invalid"):
        parse(answer.text, "gemini")


def test_the_ledger_tells_entries_and_totals() -> None:
    """Tokens are those that have gone, of what is under way too; times are the clock's."""
    ledger = RequestLedger(StepClock(0.5, start=100))
    whole = ledger.opened("gemini", "m", "ok", 200, True)
    whole.sent(5, 1)
    whole.sent(5, 2)
    whole.close(aborted=False)
    ledger.opened("gemini", "m", "hang", 0, True).close(aborted=True)
    ledger.opened("gemini", "m", "ok", 200, True).sent(7, 3)
    assert ledger.report()["totals"] == {
        "gemini": {
            "requests": 3,
            "open": 1,
            "aborted": 1,
            "prompt_tokens": 12,
            "completion_tokens": 5,
            "outcomes": {"ok": 2, "hang": 1},
        }
    }
    entries = ledger.report()["entries"]
    assert isinstance(entries, list)
    assert entries[0] == {
        "number": 1,
        "provider": "gemini",
        "model": "m",
        "outcome": "ok",
        "status": 200,
        "streamed": True,
        "at": 100.0,
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "first_byte_seconds": 0.5,
        "duration_seconds": 1.0,
        "aborted": False,
        "open": False,
    }
    assert [(entry["aborted"], entry["open"]) for entry in entries] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_totals_outlive_the_entries() -> None:
    """Memory is bounded, and the totals stay exact."""
    ledger = RequestLedger()
    for _ in range(KEPT + 5):
        ledger.opened("claude", "m", "ok", 200, False).close(aborted=False)
    report = ledger.report()
    assert len(report["entries"]) == KEPT  # type: ignore[arg-type]
    assert report["totals"]["claude"]["requests"] == KEPT + 5  # type: ignore[index]


def test_a_cleared_ledger_does_not_learn_of_what_began_before() -> None:
    """An answer that ends after a clear leaves no negative figure behind."""
    ledger = RequestLedger()
    account = ledger.opened("claude", "m", "ok", 200, False)
    ledger.clear()
    account.sent(1, 1)
    account.close(aborted=False)
    assert ledger.report() == {"totals": {}, "entries": []}
