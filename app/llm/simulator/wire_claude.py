"""The wire protocol of Anthropic: Messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.llm.simulator.answers import SimulatedAnswer, SimulatedRequest
from app.llm.simulator.wire import Frame, bearer, demand, each, joined, sse

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ClaudeWire:
    """POST /v1/messages, complete or as a stream. The key comes in x-api-key, from newer SDKs as a bearer."""

    provider = "claude"
    error_event = "error"

    def key(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-api-key") or bearer(headers)

    def asked(self, body: Mapping[str, Any], path: Mapping[str, Any]) -> SimulatedRequest:
        demand(body, "max_tokens", int)
        messages = demand(body, "messages", list)
        contents = [body.get("system"), *each(messages, "content")]
        return SimulatedRequest(
            model=demand(body, "model", str), prompt=joined(contents), streamed=bool(body.get("stream"))
        )

    def whole(self, reply: SimulatedAnswer) -> Mapping[str, object]:
        content = [{"type": "text", "text": reply.text}] if reply.text else []
        return _message(reply, content, _reason(reply), reply.completion_tokens)

    def events(self, reply: SimulatedAnswer, asked: SimulatedRequest) -> Iterator[Frame]:
        start = _message(reply, [], None, 1 if reply.completion_tokens else 0)
        block = {"type": "text", "text": ""}
        yield _event("message_start", message=start)
        yield _event("content_block_start", index=0, content_block=block)
        yield _event("ping")
        for piece in reply.pieces:
            delta = {"type": "text_delta", "text": piece}
            yield _event("content_block_delta", piece, index=0, delta=delta)
        yield _event("content_block_stop", index=0)
        yield _event(
            "message_delta",
            delta={"stop_reason": _reason(reply), "stop_sequence": None},
            usage={"output_tokens": reply.completion_tokens},
        )
        yield _event("message_stop")

    def error(self, status: int, message: str) -> Mapping[str, object]:
        error = {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": "req_simulated"}


def _event(name: str, piece: str = "", **fields: object) -> Frame:
    return sse({"type": name, **fields}, name, piece)


def _message(
    reply: SimulatedAnswer, content: list[dict[str, str]], reason: str | None, made: int
) -> dict[str, object]:
    usage = {
        "input_tokens": reply.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": made,
    }
    head = {"id": f"msg_{reply.id}", "type": "message", "role": "assistant", "model": reply.model}
    return {**head, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def _reason(reply: SimulatedAnswer) -> str:
    return "max_tokens" if reply.truncated else "end_turn"
