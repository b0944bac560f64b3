"""The wire protocol of OpenAI: Chat Completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.llm.simulator.answers import SimulatedAnswer, SimulatedRequest
from app.llm.simulator.wire import Frame, bearer, demand, each, joined, sse

# Status to error type and code; other statuses are reported as server errors.
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class OpenAIWire:
    """POST /v1/chat/completions, complete or as a stream."""

    provider = "openai"
    error_event = ""

    def key(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def asked(self, body: Mapping[str, Any], path: Mapping[str, Any]) -> SimulatedRequest:
        messages = demand(body, "messages", list)
        options = body.get("stream_options")
        return SimulatedRequest(
            model=demand(body, "model", str),
            prompt=joined(each(messages, "content")),
            streamed=bool(body.get("stream")),
            include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        )

    def whole(self, reply: SimulatedAnswer) -> Mapping[str, object]:
        message = {"role": "assistant", "content": reply.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(reply)}
        return {**_head(reply, "chat.completion"), "choices": [choice], "usage": _usage(reply)}

    def events(self, reply: SimulatedAnswer, asked: SimulatedRequest) -> Iterator[Frame]:
        yield _chunk(reply, {"role": "assistant", "content": ""})
        for piece in reply.pieces:
            yield _chunk(reply, {"content": piece})
        yield _chunk(reply, {}, _reason(reply))
        if asked.include_usage:
            yield sse({**_head(reply, "chat.completion.chunk"), "choices": [], "usage": _usage(reply)})
        yield Frame(b"data: [DONE]\n\n", 0)

    def error(self, status: int, message: str) -> Mapping[str, object]:
        error_type, code = _ERRORS.get(status, ("server_error", None))
        return {"error": {"message": message, "type": error_type, "param": None, "code": code}}


def _head(reply: SimulatedAnswer, kind: str) -> dict[str, object]:
    return {"id": f"chatcmpl-{reply.id}", "object": kind, "created": 1_700_000_000, "model": reply.model}


def _chunk(reply: SimulatedAnswer, delta: Mapping[str, str], reason: str | None = None) -> Frame:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    chunk = {**_head(reply, "chat.completion.chunk"), "choices": [choice], "usage": None}
    return sse(chunk, piece=delta.get("content", ""))


def _reason(reply: SimulatedAnswer) -> str:
    return "length" if reply.truncated else "stop"


def _usage(reply: SimulatedAnswer) -> dict[str, int]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }
