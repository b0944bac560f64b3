"""Answers of the three wire protocols, as strategies: odd ones that can be read, and ones that are broken."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from support.odd_provider import Sent

from app.llm.reading import MOST_TOKENS

ABSENT = object()
# What a provider may report, and what it counts as.
FIGURES: tuple[tuple[Any, int | None], ...] = (
    (0, 0),
    (7, 7),
    (7.0, 7),
    ("12", 12),
    (MOST_TOKENS, MOST_TOKENS),
    (MOST_TOKENS + 1, None),
    (10**308, None),
    (-1, None),
    (None, None),
    (ABSENT, None),
)
# Gemini's SDK refuses a whole answer that has one of these.
ODD_FIGURES: tuple[tuple[Any, int | None], ...] = (
    (1e308, None),
    (1.5, None),
    (math.nan, None),
    (-math.inf, None),
    ("many", None),
    ("-3", None),
    ([], None),
    ({"total": 3}, None),
)
WORDS = ("요약", "5 < 7", "<b>a", "a\0b", "\u202e거꾸로", "😀", "", " ", '"', "줄\n바꿈")
Json = Any


@dataclass(frozen=True)
class Odd:
    """One answer: its JSON documents, what its verdict says, and the tokens that it tells, or None."""

    provider: str
    streamed: bool
    documents: tuple[Json, ...]
    said: dict[str, Any]
    prompt: int | None
    completion: int | None

    def sent(self) -> Sent:
        if not self.streamed:
            return Sent(json.dumps(self.documents[0]).encode())
        body = "".join(map(self._event, self.documents))
        return Sent(body.encode("utf-8", "surrogatepass"), "text/event-stream")

    def _event(self, document: Json) -> str:
        kind = document.get("type") if isinstance(document, dict) else None
        name = f"event: {kind}\n" if self.provider == "claude" else ""
        return f"{name}data: {json.dumps(document)}\n\n"


class Drawn:
    """One answer of a protocol, put together by what is drawn."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], streamed: bool) -> None:
        self.draw, self.streamed = draw, streamed

    def figure(self, more: tuple[tuple[Any, int | None], ...] = ODD_FIGURES) -> tuple[Any, int | None]:
        figure: tuple[Any, int | None] = self.one_of(*FIGURES, *more)
        return figure

    def one_of(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def amid(self, events: list[Json], noise: tuple[Json, ...]) -> list[Json]:
        """The events with some noise before, between and after them."""
        for one in self.draw(st.lists(st.sampled_from(noise), max_size=3)):
            events.insert(self.draw(st.integers(0, len(events))), deepcopy(one))
        return events

    def pieces(self, text: str, by: int = 2) -> list[str]:
        """A text in some pieces; by=2: they may end within a character, as JSON spells it."""
        units = text.encode("utf-16-le") if by == 2 else text.encode("utf-32-le")
        width, codec = (2, "utf-16-le") if by == 2 else (4, "utf-32-le")
        cuts = sorted(self.draw(st.lists(st.integers(0, len(units) // width), max_size=4)))
        places = [0, *cuts, len(units) // width]
        return [
            units[start * width : end * width].decode(codec, "surrogatepass")
            for start, end in pairwise(places)
        ]

    def said(self) -> dict[str, Any]:
        words = st.lists(st.sampled_from(WORDS), max_size=4).map("".join)
        return {
            "summary": "요" + self.draw(words),
            "recommendation": "권" + self.draw(words),
            "key_findings": ["발" + one for one in self.draw(st.lists(words, min_size=1, max_size=3))],
        }

    def text(self, said: dict[str, Any]) -> str:
        plain = json.dumps(said, ensure_ascii=self.one_of(True, False))
        return str(self.one_of("{}", "\ufeff{}", "```json\n{}\n```", " \n{}\n").replace("{}", plain))


def _dict(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}


def openai(drawn: Drawn) -> Odd:
    """Chat Completions."""
    said = drawn.said()
    text = drawn.text(said)
    (prompt, prompt_tokens), (completion, completion_tokens) = drawn.figure(), drawn.figure()
    usage = _dict(prompt_tokens=prompt, completion_tokens=completion, total_tokens=3)
    if not drawn.streamed:
        content = drawn.one_of(
            text,
            [{"type": "text", "text": part} for part in drawn.pieces(text)],
            [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": text}],
            [text],
        )
        choice = {"finish_reason": drawn.one_of("stop", None, "odd"), "message": {"content": content}}
        documents = [{"id": 7, "choices": [choice], "usage": usage, "model": drawn.one_of("m", None, 7)}]
    else:
        documents = [_delta({"content": piece}) for piece in drawn.pieces(text)]
        documents.append(_delta(drawn.one_of({}, None, {"content": None}), "stop"))
        # Some have their own event for the usage, with no choices of one kind or another; some have not.
        place = drawn.one_of(*({"choices": choices} for choices in (None, [], ABSENT)), documents.pop())
        documents.append(_dict(**{**place, "usage": usage}))
        silent = (_delta(None), _delta({"content": []}))
        noise: tuple[Json, ...] = ({}, {"choices": None}, {"choices": []}, {"usage": None}, *silent)
        documents = drawn.amid(documents, noise)
    return Odd("openai", drawn.streamed, tuple(documents), said, prompt_tokens, completion_tokens)


def _delta(delta: Json, reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def claude(drawn: Drawn) -> Odd:
    """Messages."""
    said = drawn.said()
    text = drawn.text(said)
    (prompt, prompt_tokens), (completion, completion_tokens) = drawn.figure(), drawn.figure()
    cached = drawn.one_of(ABSENT, None, 0, 5)
    if prompt_tokens is not None and cached not in (ABSENT, None):
        prompt_tokens = total if (total := prompt_tokens + cached) <= MOST_TOKENS else None
    elif prompt in (None, ABSENT) and cached not in (ABSENT, None):
        prompt_tokens = cached
    usage = _dict(input_tokens=prompt, cache_read_input_tokens=cached, output_tokens=completion)
    if not drawn.streamed:
        content = drawn.one_of(
            text,
            [{"type": "text", "text": part} for part in drawn.pieces(text)],
            [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": text}],
            [{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": text}, {"type": "later"}],
        )
        documents = [{"id": "m", "content": content, "usage": usage, "model": drawn.one_of("m", None)}]
    else:
        started = drawn.one_of(None, {}, {"input_tokens": 0, "output_tokens": 1})
        if started and prompt_tokens is None:
            prompt_tokens = 0
        documents = [
            {"type": "message_start", "message": {"id": "m", "content": [], "usage": started}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(_block_delta({"type": "text_delta", "text": piece}) for piece in drawn.pieces(text)),
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": drawn.one_of({"stop_reason": "end_turn"}, None),
                "usage": usage,
            },
            {"type": "message_stop"},
        ]
        noise: tuple[Json, ...] = (
            {"type": "ping"},
            _block_delta({"type": "thinking_delta", "thinking": "hm"}),
            _block_delta({"type": "signature_delta", "signature": "s"}),
            _block_delta(None),
            {"type": "message_delta", "delta": {}, "usage": None},
            {"type": "message_delta", "delta": {}},
            {"type": "message_start", "message": None},
        )
        documents = drawn.amid(documents, noise)
    return Odd("claude", drawn.streamed, tuple(documents), said, prompt_tokens, completion_tokens)


def _block_delta(delta: Json) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def gemini(drawn: Drawn) -> Odd:
    """generateContent and streamGenerateContent."""
    said = drawn.said()
    text = drawn.text(said)
    (prompt, prompt_tokens), (completion, completion_tokens) = drawn.figure(()), drawn.figure(())
    usage = _dict(promptTokenCount=prompt, candidatesTokenCount=completion)
    thoughts = {"thought": True, "text": "hm"}
    last = {"finishReason": drawn.one_of("STOP", "LATER_REASON")}
    if not drawn.streamed:
        parts = [{"text": part} for part in drawn.pieces(text, by=4)]
        documents = [_candidate(drawn.one_of(parts, [thoughts, *parts, {}]), **last, usage=usage)]
    else:
        documents = [_candidate([{"text": piece}]) for piece in drawn.pieces(text, by=4)]
        documents.append(_candidate(drawn.one_of([], None, [thoughts], [{}]), **last, usage=usage))
        noise: tuple[Json, ...] = (
            {},
            {"candidates": None},
            {"candidates": []},
            {"candidates": [{}]},
            {"candidates": [{"content": None}]},
            _candidate(None),
            {"usageMetadata": None},
            {"later": [1]},
        )
        documents = drawn.amid(documents, noise)
    return Odd("gemini", drawn.streamed, tuple(documents), said, prompt_tokens, completion_tokens)


def _candidate(parts: Json, usage: Json = ABSENT, **more: Any) -> dict[str, Any]:
    return _dict(candidates=[{"content": {"role": "model", "parts": parts}, **more}], usageMetadata=usage)


@st.composite
def odd_answers(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Odd:
    """Answers with a verdict, in every form that can be read."""
    build: Callable[[Drawn], Odd] = draw(st.sampled_from((openai, claude, gemini)))
    return build(Drawn(draw, draw(st.booleans())))


ODD_VALUES: tuple[Json, ...] = (
    *(value for value, _ in (*FIGURES, *ODD_FIGURES) if value is not ABSENT),
    "",
    "\ud800",
    True,
    False,
    [[]],
    [None],
    {},
    {"error": {"type": "overloaded_error"}},
    "x" * 5000,
)
STATUSES = (200, 201, 204, 301, 307, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504, 529, 599)
TYPES = ("application/json", "text/event-stream", "text/html", "application/json; charset=odd", "")
HEADERS = ("content-encoding: gzip", "content-encoding: odd", "location: /again", "retry-after: 99999")


@st.composite
def broken_answers(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[Odd, Sent]:
    """Answers of which nobody knows whether they can be read: what they were, and what is sent of them."""
    odd = draw(odd_answers())
    documents = deepcopy(list(odd.documents))
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(list(_places(documents))))
        holder[key] = deepcopy(draw(st.sampled_from(ODD_VALUES)))
    sent = replace(odd, documents=tuple(documents)).sent()
    return odd, draw(
        st.one_of(
            st.just(sent),
            st.integers(0, len(sent.body)).map(lambda end: replace(sent, body=sent.body[:end])),
            st.integers(1, 9).map(lambda missing: replace(sent, missing=missing)),
            st.binary(max_size=40).map(lambda body: replace(sent, body=body)),
            st.binary(min_size=1, max_size=4).map(lambda more: replace(sent, body=more + sent.body + more)),
            st.sampled_from(STATUSES).map(lambda status: replace(sent, status=status)),
            st.sampled_from(TYPES).map(lambda name: replace(sent, content_type=name)),
            st.sampled_from(HEADERS).map(lambda header: replace(sent, headers=(header,))),
            st.just(replace(sent, body=b"[" * 50_000)),
        )
    )


def _places(node: Json) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON document, as its holder and its key."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)
