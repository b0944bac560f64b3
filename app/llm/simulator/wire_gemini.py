"""The wire protocol of Gemini: generateContent and streamGenerateContent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from app.llm.simulator.answers import SimulatedAnswer, SimulatedRequest
from app.llm.simulator.wire import BAD_KEY, BadRequestError, Frame, demand, each, joined, sse

METHODS = {"generateContent": False, "streamGenerateContent": True}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GeminiWire:
    """POST /v1/models/{model}:generateContent, or :streamGenerateContent?alt=sse; v1beta too."""

    provider = "gemini"
    error_event = ""

    def key(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-goog-api-key") or None

    def asked(self, body: Mapping[str, Any], path: Mapping[str, Any]) -> SimulatedRequest:
        if path.get("method") not in METHODS:
            raise BadRequestError(f"method {path.get('method')!r}: expected one of {', '.join(METHODS)}")
        contents = [body.get("systemInstruction") or {}, *demand(body, "contents", list)]
        return SimulatedRequest(
            model=path["model"],
            prompt=joined(each(contents, "parts")),
            streamed=METHODS[path["method"]],
        )

    def whole(self, reply: SimulatedAnswer) -> Mapping[str, object]:
        return _answer(reply, reply.text, reply.completion_tokens, _reason(reply))

    def events(self, reply: SimulatedAnswer, asked: SimulatedRequest) -> Iterator[Frame]:
        pieces = reply.pieces or ("",)
        for last, (piece, length) in enumerate(
            zip(pieces, accumulate(map(len, pieces)), strict=True), 1 - len(pieces)
        ):
            # Each piece reports the tokens so far.
            answer = _answer(reply, piece, reply.tokens_of(length), None if last else _reason(reply))
            yield sse(answer, piece=piece)

    def error(self, status: int, message: str) -> Mapping[str, object]:
        error: dict[str, object] = {
            "code": status,
            "message": message,
            "status": _STATUSES.get(status, "UNKNOWN"),
        }
        if (status, message) != (400, BAD_KEY):
            return {"error": error}
        reason = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
        }
        return {"error": {**error, "details": [reason]}}


def _answer(reply: SimulatedAnswer, text: str, made: int, reason: str | None) -> dict[str, object]:
    parts = [{"text": text}] if text else []
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
    return {
        "candidates": [{**candidate, "finishReason": reason} if reason else candidate],
        "usageMetadata": {
            "promptTokenCount": reply.prompt_tokens,
            "candidatesTokenCount": made,
            "totalTokenCount": reply.prompt_tokens + made,
        },
        "modelVersion": reply.model,
        "responseId": reply.id,
    }


def _reason(reply: SimulatedAnswer) -> str:
    return "MAX_TOKENS" if reply.truncated else "STOP"
