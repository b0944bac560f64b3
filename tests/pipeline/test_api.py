"""The whole API with its sample catalogue: what it answers, and what each request counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest
from support.review_files import FACTORS

from app.database import Database
from app.dialogue.model import digest
from app.llm.settings import LLMSettings
from app.reviews.ingest import ingest
from app.reviews.repository import Repository
from app.service import create_app
from app.settings import AppSettings
from telemetry.testing import Recorded

PRODUCT = "robot_cleaner"
CODES = ("200", "400", "404", "408", "409", "413", "422", "500", "503")


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider is configured: the template writes."""
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL"):
        monkeypatch.delenv(key, raising=False)


@asynccontextmanager
async def api(state_dir: Path, metrics: Recorded, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running service."""
    app = create_app(AppSettings(state_dir=state_dir, **settings), LLMSettings(), metrics.pipeline)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


async def dialogue(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """A shopper who reads the page, begins, and answers to the end: every turn's answer."""
    page = (await client.get(f"/api/products/{PRODUCT}")).json()
    begun = await client.post("/api/sessions", json={"product_id": PRODUCT, "visit_id": page["visit_id"]})
    assert begun.status_code == 201, begun.text
    turns: list[dict[str, Any]] = []
    question = begun.json()["question"]
    while question:
        answer = {
            "answer": (question["choices"] or ["소음이 제일 걱정돼요"])[0],
            "question_id": question["question_id"],
        }
        response = await client.post(f"/api/sessions/{begun.json()['session_id']}/turns", json=answer)
        assert response.status_code == 200, response.text
        turns.append(response.json())
        question = turns[-1]["question"]
    return turns


def test_a_dialogue_over_http_ends_with_a_verdict(state_dir: Path, metrics: Recorded) -> None:
    """Three to five turns, the last with findings and labelled evidence; the session says the same."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            turns = await dialogue(client)
            assert 3 <= len(turns) <= 5
            assert [turn["turn"] for turn in turns] == list(range(1, len(turns) + 1))
            assert [turn["is_final"] for turn in turns] == [False] * (len(turns) - 1) + [True]
            analysis = turns[-1]["analysis"]
            assert (analysis["provider"], analysis["status"]) == ("template", "fallback")
            assert analysis["summary"]
            assert analysis["key_findings"]
            assert {piece["label"] for piece in analysis["evidence"]} <= {"POS", "NEG", "MIX", "NEU"}
            state = (await client.get(f"/api/sessions/{turns[-1]['session_id']}")).json()
            assert (state["status"], state["turn"]) == ("complete", len(turns))
            assert state["analysis"] == analysis

    anyio.run(run)


def test_a_product_id_may_be_spelled_as_keyboards_and_pages_do(state_dir: Path, metrics: Recorded) -> None:
    """Hangul composed or not, with marks that nobody sees: one product, one visit."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            factors = state_dir / "factors.csv"
            factors.write_text(FACTORS.replace("chair", "의자"))
            ingest(Repository(Database(state_dir / "reviewlens.db")), [factors])
            for spelled in ("의자", unicodedata.normalize("NFD", "의자"), "\ufeff의\u200b자"):
                page = await client.get(f"/api/products/{quote(spelled)}")
                assert (page.status_code, page.json()["product_id"]) == (200, "의자"), page.text
                wanted = {"product_id": spelled, "visit_id": page.json()["visit_id"]}
                begun = await client.post("/api/sessions", json=wanted)
                assert (begun.status_code, begun.json()["product_id"]) == (201, "의자"), begun.text
        assert metrics.value("dialogue_sessions_total", category="의자") == 3

    anyio.run(run)


def test_requests_are_counted_by_template_and_turns_by_category(state_dir: Path, metrics: Recorded) -> None:
    """What was sent is what /metrics says."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            sent = [await dialogue(client) for _ in range(2)]
            await client.delete(f"/api/sessions/{sent[0][0]['session_id']}")
        turns = sum(map(len, sent))

        def counted(method: str, endpoint: str, status_code: int) -> float:
            labels = {"method": method, "endpoint": endpoint, "status_code": status_code}
            return metrics.value("http_requests_total", **labels)

        assert counted("GET", "/api/products/{product_id}", 200) == 2
        assert counted("POST", "/api/sessions", 201) == 2
        assert counted("POST", "/api/sessions/{session_id}/turns", 200) == turns
        assert counted("DELETE", "/api/sessions/{session_id}", 204) == 1
        assert metrics.value("dialogue_turns_total", category=PRODUCT) == turns
        assert metrics.value("dialogue_completions_total", category=PRODUCT) == 2
        assert metrics.value("llm_calls_total", provider="template", status="fallback") == 2
        assert metrics.total("session_abandoned_total") == 0

    anyio.run(run)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error_type"),
    [
        ("GET", "/api/products/toaster", None, 404, "not_found"),
        ("POST", "/api/sessions", {"product_id": "toaster"}, 404, "not_found"),
        ("POST", "/api/sessions", {}, 422, "validation"),
        ("POST", "/api/sessions/none/turns", {"answer": " "}, 422, "validation"),
        ("POST", "/api/sessions/none/turns", {"answer": "\u200b\u3164"}, 422, "validation"),
        ("POST", "/api/sessions/none/turns", {"answer": "네"}, 404, "not_found"),
        ("DELETE", "/api/sessions/none", None, 404, "not_found"),
        ("GET", "/nowhere", None, 404, "not_found"),
    ],
)
def test_a_wrong_request_is_answered_and_counted(
    state_dir: Path, metrics: Recorded, method: str, path: str, body: Any, status: int, error_type: str
) -> None:
    """With a reason, and once under its type."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            response = await client.request(method, path, json=body)
        assert (response.status_code, bool(response.json()["detail"])) == (status, True)
        assert metrics.value("errors_total", error_type=error_type, component="api") == 1

    anyio.run(run)


def test_an_answer_to_an_ended_dialogue_is_a_conflict(state_dir: Path, metrics: Recorded) -> None:
    """409, counted as such."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            turns = await dialogue(client)
            url = f"/api/sessions/{turns[0]['session_id']}/turns"
            assert (await client.post(url, json={"answer": "네"})).status_code == 409
        assert metrics.value("errors_total", error_type="conflict", component="api") == 1

    anyio.run(run)


def test_everything_known_is_at_zero_before_the_first_request(state_dir: Path, metrics: Recorded) -> None:
    """Routes with their declared codes, categories, the template's attempts."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            await client.get("/metrics")
            page = metrics.series("http_requests_total")
            declared = {
                (dict(key)["method"], dict(key)["status_code"])
                for key in page
                if dict(key)["endpoint"] == "/api/sessions/{session_id}/turns"
            }
            assert declared == {("POST", code) for code in CODES}
            assert set(page.values()) == {0.0}
            products = (await client.get("/api/products")).json()
            for product in products:
                assert metrics.value("dialogue_sessions_total", category=product["category"]) == 0
            providers = {dict(key)["provider"] for key in metrics.series("llm_calls_total")}
            assert providers == {"template"}

    anyio.run(run)


def test_health_says_whether_it_can_serve(state_dir: Path, metrics: Recorded) -> None:
    """Alive, and ready with products in the store."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            for path in ("/healthz", "/readyz"):
                response = await client.get(path)
                assert (response.status_code, response.json()) == (200, {"status": "ok", "reason": ""})

    anyio.run(run)


def test_the_first_page_is_that_of_the_api_and_loads_nothing_from_elsewhere(
    state_dir: Path, metrics: Recorded
) -> None:
    """Offline it is not blank, and no other host hears of it; its redirect is known at 0 as what it is."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            await client.get("/metrics")
            labels = {"method": "GET", "endpoint": "/"}
            assert metrics.value("http_requests_total", status_code=307, **labels) == 0
            assert (
                metrics.series("http_requests_total")
                .keys()
                .isdisjoint({frozenset({*labels.items(), ("status_code", "200")})})
            )
            page = await client.get("/", follow_redirects=True)
            assert (page.status_code, page.url.path) == (200, "/docs")
            assert re.findall(r"https?://|[\"']//", page.text) == []
            assert '"validatorUrl": "none"' in page.text
            loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
            assert len(loaded) == 3
            for path in loaded:
                assert (await client.get(path)).status_code == 200, path

    anyio.run(run)


def test_a_page_of_the_shop_may_call_the_api(state_dir: Path, metrics: Recorded) -> None:
    """CORS for the configured origins, and for no other."""

    async def run() -> None:
        async with api(state_dir, metrics, cors_origins="https://shop.example") as client:
            for origin, allowed in (("https://shop.example", True), ("https://other.example", False)):
                response = await client.get("/api/products", headers={"origin": origin})
                assert ("access-control-allow-origin" in response.headers) is allowed

    anyio.run(run)


def test_a_session_is_on_the_gauge_while_it_lives(state_dir: Path, metrics: Recorded) -> None:
    """From the first answer to the end, and absent at the next scrape."""

    async def run() -> None:
        async with api(state_dir, metrics) as client:
            begun = (await client.post("/api/sessions", json={"product_id": PRODUCT})).json()
            session_id = begun["session_id"]
            assert metrics.series("active_evidence_gauge") == {}
            await client.post(f"/api/sessions/{session_id}/turns", json={"answer": "중요해요"})
            assert metrics.value("active_evidence_gauge", category=PRODUCT, session_id=digest(session_id)) > 0
            await client.delete(f"/api/sessions/{session_id}")
            assert metrics.series("active_evidence_gauge") == {}
        assert metrics.value("session_abandoned_total", stage="dialogue_active", reason="browser_close") == 1

    anyio.run(run)


def test_a_running_service_counts_who_timed_out(state_dir: Path, metrics: Recorded) -> None:
    """Nobody asks for the session again; the service itself sees that its time is over."""

    async def run() -> None:
        async with api(state_dir, metrics, session_timeout=0.4) as client:
            await client.post("/api/sessions", json={"product_id": PRODUCT})
            with anyio.fail_after(20):
                while not metrics.total("session_abandoned_total"):  # noqa: ASYNC110 - it counts by itself
                    await anyio.sleep(0.05)
        assert metrics.total("session_abandoned_total") == 1

    anyio.run(run)
