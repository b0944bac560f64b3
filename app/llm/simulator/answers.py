"""What a simulated model says: a Korean verdict from the evidence in the prompt, and how long it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from app.llm.simulator.script import Scene
from app.llm.verdict import DATA_BEGIN, DATA_END

CHARS_PER_TOKEN = 2

_NO_VERDICT = "죄송하지만 지금은 판단을 도와드리기 어렵습니다. 조금 뒤에 다시 물어봐 주세요."
_OPENINGS = ("리뷰를 종합하면", "실제 사용자 의견을 모아 보면", "남겨진 후기를 살펴보면")
_BAD = ("같은 점이 걱정이라면 구매를 서두르지 마세요.", "지금 구매하기보다 대안을 함께 비교해 보세요.")
_MIXED = (
    "사용 환경이 맞는다면 고려할 만하지만, 불만이 나온 점은 미리 확인하세요.",
    "걱정되는 점을 감수할 수 있다면 구매할 만합니다.",
)
_GOOD = ("걱정하신 점에서는 후회할 가능성이 낮아 구매를 권합니다.", "지금 구매하셔도 무리가 없겠습니다.")
_WORDS = {"NEG": "불만", "POS": "만족", "MIX": "엇갈린 의견", "NEU": "중립적인 의견"}


@dataclass(frozen=True)
class SimulatedRequest:
    """A request, in no particular protocol."""

    model: str
    prompt: str
    streamed: bool
    include_usage: bool = True


@dataclass(frozen=True)
class SimulatedAnswer:
    """An answer, in no particular protocol."""

    id: str
    model: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    truncated: bool
    pieces: tuple[str, ...]

    def tokens_of(self, chars: int) -> int:
        """The tokens of the answer's first characters: their part of all, to the nearest."""
        if chars >= len(self.text):
            return self.completion_tokens
        return (2 * self.completion_tokens * chars + len(self.text)) // (2 * len(self.text))


def tokens(text: str) -> int:
    """The simulator's number of tokens: one for every two characters, rounded up."""
    return -(-len(text) // CHARS_PER_TOKEN)


def say(asked: SimulatedRequest, scene: Scene) -> SimulatedAnswer:
    """The answer; the same for the same prompt, script and outcome."""
    text = _text(asked.prompt, scene)
    script, size = scene.script, scene.script.piece_chars
    given = tokens(asked.prompt) if script.prompt_tokens is None else script.prompt_tokens
    made = tokens(text) if script.completion_tokens is None else script.completion_tokens
    return SimulatedAnswer(
        id=sha256(asked.prompt.encode()).hexdigest()[:24],
        model=asked.model,
        text=text,
        prompt_tokens=given,
        completion_tokens=made,
        truncated=scene.outcome == "truncated",
        pieces=tuple(text[at : at + size] for at in range(0, len(text), size)),
    )


def _text(prompt: str, scene: Scene) -> str:
    if scene.outcome == "empty":
        return ""
    if scene.outcome == "invalid_verdict":
        return _NO_VERDICT
    chance = Random(f"{scene.script.seed}/{prompt}")  # noqa: S311 - a simulation, not a secret
    text = json.dumps(_verdict(_data(prompt), chance), ensure_ascii=False)
    return text[: len(text) // 2] if scene.outcome == "truncated" else text


def _data(prompt: str) -> dict[str, Any]:
    inside = prompt.rpartition(DATA_BEGIN)[2].partition(DATA_END)[0]
    try:
        data = json.loads(inside)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _verdict(data: dict[str, Any], chance: Random) -> dict[str, object]:
    product = data.get("product", {}).get("name") or "이 제품"
    factors = [factor["name"] for factor in data.get("factors", ())][:3]
    evidence = data.get("evidence", [])
    complaints = sum(one["label"] == "NEG" for one in evidence)
    worry = (
        f"특히 {', '.join(factors)} 쪽을 살펴보았습니다." if factors else "특별히 두드러진 걱정은 없습니다."
    )
    return {
        "summary": f"{chance.choice(_OPENINGS)} {product}에 관한 근거는 {len(evidence)}건이고 "
        f"그중 불만은 {complaints}건입니다. {worry}",
        "recommendation": chance.choice(_advice(complaints, len(evidence))),
        "key_findings": [_finding(one) for one in evidence[:3]]
        or ["리뷰에서 뚜렷한 근거를 찾지 못했습니다."],
    }


def _advice(complaints: int, total: int) -> tuple[str, ...]:
    if complaints * 2 > total:
        return _BAD
    return _MIXED if complaints else _GOOD


def _finding(evidence: dict[str, Any]) -> str:
    word = _WORDS.get(evidence["label"], "의견")
    return f"{evidence['factor']}에 대한 {word}: “{evidence['excerpt'][:80]}” (별점 {evidence['rating']}점)"
