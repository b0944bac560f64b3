"""FastAPI from 0.160 on measures requests by itself; with ours beside it, only where somebody wants that."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from support.live import serving

from telemetry import instrument
from telemetry.testing import Recorded, recording

THEIRS = "http_server_request_duration_seconds_count"


@pytest.fixture(params=["false", "true"])
def asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A pipeline that is the process's, as start() makes it; without and with http.server.* asked for."""
    with recording({"REVIEWLENS_HTTP_SERVER_METRICS": request.param}) as recorded:
        provider = recorded.pipeline._provider
        monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
        yield recorded


def item() -> int:
    return 1


def test_theirs_come_out_when_asked_for_and_are_not_even_made_else(asked: Recorded) -> None:
    """What is not made cannot fail, and takes no time."""
    app = FastAPI()
    app.get("/item")(item)
    instrument(app, asked.pipeline)
    with serving(app) as url:
        assert httpx.get(url + "/item").status_code == 200
    wanted = asked.pipeline.settings.http_server_metrics
    assert asked.series(THEIRS).values() if wanted else not asked.series(THEIRS)
    assert app._native_telemetry.enabled() == wanted
    assert asked.total("http_requests_total") == 1


def test_an_application_that_says_where_its_own_go_has_them_there(metrics: Recorded) -> None:
    """Its provider is none of ours."""
    reader = InMemoryMetricReader()
    app = FastAPI(telemetry={"meter_provider": MeterProvider([reader], shutdown_on_exit=False)})
    app.get("/item")(item)
    instrument(app, metrics.pipeline)
    with serving(app) as url:
        assert httpx.get(url + "/item").status_code == 200
    data = reader.get_metrics_data()
    assert data is not None
    names = {m.name for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert "http.server.request.duration" in names
