"""The wire protocol of OpenAI: Chat Completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.llm.simulator.answers import Asked, Said
from app.llm.simulator.wire import Frame, bearer, demand, each, joined, sse

# Status to error type and code; other statuses are told as server errors.
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class OpenAIWire:
    """POST /v1/chat/completions, whole and as a stream."""

    provider = "openai"
    error_event = ""

    def key(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def asked(self, body: Mapping[str, Any], path: Mapping[str, Any]) -> Asked:
        messages = demand(body, "messages", list)
        options = body.get("stream_options")
        return Asked(
            model=demand(body, "model", str),
            prompt=joined(each(messages, "content")),
            streamed=bool(body.get("stream")),
            include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        )

    def whole(self, said: Said) -> Mapping[str, object]:
        message = {"role": "assistant", "content": said.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(said)}
        return {**_head(said, "chat.completion"), "choices": [choice], "usage": _usage(said)}

    def events(self, said: Said, asked: Asked) -> Iterator[Frame]:
        yield _chunk(said, {"role": "assistant", "content": ""})
        for piece in said.pieces:
            yield _chunk(said, {"content": piece})
        yield _chunk(said, {}, _reason(said))
        if asked.include_usage:
            yield sse({**_head(said, "chat.completion.chunk"), "choices": [], "usage": _usage(said)})
        yield Frame(b"data: [DONE]\n\n", 0)

    def error(self, status: int, message: str) -> Mapping[str, object]:
        error_type, code = _ERRORS.get(status, ("server_error", None))
        return {"error": {"message": message, "type": error_type, "param": None, "code": code}}


def _head(said: Said, kind: str) -> dict[str, object]:
    return {"id": f"chatcmpl-{said.id}", "object": kind, "created": 1_700_000_000, "model": said.model}


def _chunk(said: Said, delta: Mapping[str, str], reason: str | None = None) -> Frame:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    chunk = {**_head(said, "chat.completion.chunk"), "choices": [choice], "usage": None}
    return sse(chunk, piece=delta.get("content", ""))


def _reason(said: Said) -> str:
    return "length" if said.truncated else "stop"


def _usage(said: Said) -> dict[str, int]:
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.completion_tokens,
        "total_tokens": said.prompt_tokens + said.completion_tokens,
    }
