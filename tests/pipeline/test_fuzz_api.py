"""The API fuzzed from its own OpenAPI: no unhandled 5xx, and every answer is one that its page declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.live import serving

from app.llm.simulator.testing import RunningSimulator
from app.service import create_app
from app.settings import AppSettings
from telemetry.testing import Recorded

Operation = APIOperation[Any, Any, Any, Any]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TURNS = "POST /api/sessions/{session_id}/turns"
OPERATIONS = {
    "GET /healthz",
    "GET /readyz",
    "GET /api/products",
    "GET /api/products/{product_id}",
    "POST /api/sessions",
    "GET /api/sessions/{session_id}",
    "DELETE /api/sessions/{session_id}",
    TURNS,
}
PRODUCT = "robot_cleaner"
EXAMPLES = 150
REPEATABLE = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def url(state_dir: Path, metrics: Recorded, simulator: RunningSimulator) -> Iterator[str]:
    """The service on a real uvicorn, with the simulator for its providers."""
    app = create_app(AppSettings(state_dir=state_dir), simulator.settings(), metrics.pipeline)
    with serving(app) as address:
        yield address


def operations(url: str) -> dict[str, Operation]:
    """What the API's own page declares, by method and path."""
    found = schemathesis.openapi.from_url(url + "/openapi.json").get_all_operations()
    return {operation.ok().label: operation.ok() for operation in found}


def fuzz(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, url: str, **fixed: Any
) -> set[int]:
    """Send what the operation takes, or what it does not, and hold each answer to its page; the statuses."""
    seen: set[int] = set()

    @REPEATABLE
    @given(operation.as_strategy(mode, **fixed))
    def sent(case: schemathesis.Case) -> None:
        seen.add(case.call_and_validate(base_url=url, checks=CHECKS).status_code)

    sent()
    return seen


def begun(url: str) -> dict[str, str]:
    """A session that lives, as the parameter of a path."""
    session = httpx.post(url + "/api/sessions", json={"product_id": PRODUCT}).raise_for_status().json()
    return {"session_id": session["session_id"]}


def no_exception(metrics: Recorded) -> None:
    """None left the application, and no answer was a 5xx."""
    assert metrics.value("errors_total", error_type="unhandled", component="api") == 0
    answers = metrics.series("http_requests_total").items()
    assert [dict(key) for key, count in answers if count and dict(key)["status_code"] >= "500"] == []


def test_the_page_declares_every_operation(url: str) -> None:
    """An operation that it leaves out is one that nobody fuzzes."""
    assert operations(url).keys() == OPERATIONS


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_what_an_operation_takes_is_answered_as_declared(url: str, metrics: Recorded, label: str) -> None:
    """Status, content type, headers and schema, for anything that fits."""
    assert fuzz(operations(url)[label], GenerationMode.POSITIVE, url)
    no_exception(metrics)


@pytest.mark.parametrize(
    "label", sorted(label for label in OPERATIONS if "POST" in label or "DELETE" in label)
)
def test_what_an_operation_does_not_take_is_refused_as_declared(
    url: str, metrics: Recorded, label: str
) -> None:
    """Wrong types, missing fields, too long values: a 4xx that the page has."""
    fixed = {"path_parameters": begun(url)} if "{session_id}" in label else {}
    seen = fuzz(operations(url)[label], GenerationMode.NEGATIVE, url, **fixed)
    assert 422 in seen
    assert seen <= {200, 201, 204, 400, 404, 405, 409, 413, 422}
    no_exception(metrics)


def test_dialogues_of_any_answers_end_as_declared(url: str, metrics: Recorded) -> None:
    """Sessions that live, answered with whatever fits, to the verdict and beyond it."""
    page = operations(url)
    seen = fuzz(page["POST /api/sessions"], GenerationMode.POSITIVE, url, body={"product_id": PRODUCT})
    for _ in range(3):
        session = begun(url)
        for label in (TURNS, "GET /api/sessions/{session_id}", "DELETE /api/sessions/{session_id}"):
            seen |= fuzz(page[label], GenerationMode.POSITIVE, url, path_parameters=session)
        state = httpx.get(f"{url}/api/sessions/{session['session_id']}").json()
        assert (state["status"], state["turn"] >= 3) == ("complete", True)
    assert seen >= {200, 201, 204, 409}
    no_exception(metrics)
