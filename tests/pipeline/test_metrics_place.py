"""Where the metrics are on an application: beside its own /metrics, below its gates, and as scrapers ask."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, make_asgi_app
from prometheus_client.parser import text_string_to_metric_families as parse
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

import telemetry
from telemetry.testing import recording

OURS, THEIRS, MOVED = "http_requests_total", "orders_total", "/telemetry/metrics"


@pytest.fixture
def registry() -> CollectorRegistry:
    """An application's own metrics."""
    registry = CollectorRegistry()
    Counter("orders", "Orders made", registry=registry).inc()
    return registry


def by_route(app: FastAPI, own: CollectorRegistry) -> None:
    app.add_api_route("/metrics", lambda: Response(generate_latest(own)))


def by_expose(app: FastAPI, own: CollectorRegistry) -> None:
    app.get("/metrics", include_in_schema=False)(lambda: Response(generate_latest(own)))


def by_plain_route(app: FastAPI, own: CollectorRegistry) -> None:
    app.router.routes.append(Route("/metrics", lambda _: Response(generate_latest(own))))


def by_router(app: FastAPI, own: CollectorRegistry) -> None:
    router = APIRouter()
    router.add_api_route("/metrics", lambda: Response(generate_latest(own)))
    app.include_router(router)


def by_mount(app: FastAPI, own: CollectorRegistry) -> None:
    app.mount("/metrics", make_asgi_app(own))


OWN: list[Callable[[FastAPI, CollectorRegistry], None]] = [
    by_route,
    by_expose,
    by_plain_route,
    by_router,
    by_mount,
]


def pages(app: FastAPI) -> tuple[str, str]:
    """/metrics, wherever it redirects to, and where ours go otherwise."""
    client = TestClient(app)
    return client.get("/metrics").text, client.get(MOVED).text


@pytest.mark.parametrize("when", ["before", "after", "while it serves"])
@pytest.mark.parametrize("add", OWN)
def test_an_applications_own_metrics_stay(
    add: Callable[[FastAPI, CollectorRegistry], None],
    when: str,
    registry: CollectorRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ours give way, and one line says where they are."""
    with recording() as recorded:
        app = FastAPI()
        app.add_api_route("/a", lambda: "a")
        if when == "before":
            add(app, registry)
        telemetry.instrument(app, recorded.pipeline)
        if when == "while it serves":
            assert OURS in TestClient(app).get("/metrics").text
        if when != "before":
            add(app, registry)
        theirs, ours = pages(app)
        assert (THEIRS in theirs, OURS in theirs) == (True, False)
        assert (THEIRS in ours, OURS in ours) == (False, True)
        pages(app)
    lines = [record.getMessage() for record in caplog.records if record.name == "telemetry"]
    assert [line for line in lines if MOVED in line] == [
        "the application has /metrics itself: ours are at /telemetry/metrics; TELEMETRY_METRICS_PATH names "
        "another path, TELEMETRY_PROMETHEUS_CLIENT=true shows prometheus_client's metrics among ours"
    ]


def test_a_push_gateway_of_ones_own_keeps_its_posts(metrics: Any) -> None:
    """A route of any method is the application's own."""
    app = FastAPI()
    app.add_api_route("/metrics", lambda: "taken", methods=["POST"])
    telemetry.instrument(app, metrics.pipeline)
    assert TestClient(app).post("/metrics").text == '"taken"'
    assert OURS in TestClient(app).get(MOVED).text


@pytest.mark.parametrize("path", ["/{path:path}", "/{name}", "/metrics/{name}", "/metrics-of-the-shop"])
def test_a_route_that_takes_more_is_no_metrics_of_ones_own(path: str, metrics: Any) -> None:
    """A page for everything, a route below, a name that begins alike."""
    app = FastAPI()
    app.add_api_route(path, lambda: "page")
    app.mount("/", lambda *_: None)
    telemetry.instrument(app, metrics.pipeline)
    assert OURS in TestClient(app).get("/metrics").text


@pytest.mark.parametrize("chosen", ["/internal/metrics", "/metrics"])
def test_a_chosen_path_is_where_ours_are(
    chosen: str, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Even over a route of the application, which a line says then."""
    with recording({"TELEMETRY_METRICS_PATH": chosen}) as recorded:
        app = FastAPI()
        by_route(app, registry)
        telemetry.instrument(app, recorded.pipeline)
        client = TestClient(app)
        assert OURS in client.get(chosen).text
        assert (THEIRS in client.get("/metrics").text) == (chosen != "/metrics")
        assert client.get(MOVED).status_code == 404
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == (
        ["/metrics of the application is hidden: TELEMETRY_METRICS_PATH puts ours there"]
        if chosen == "/metrics"
        else []
    )


@pytest.fixture
def default_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[CollectorRegistry]:
    """A stand-in for prometheus_client's default registry."""
    registry = CollectorRegistry()
    monkeypatch.setattr("telemetry.scrape.exposition.REGISTRY", registry)
    yield registry


def test_both_can_be_one(default_registry: CollectorRegistry, caplog: pytest.LogCaptureFixture) -> None:
    """prometheus_client's metrics among ours, in both formats; a name of ours stays ours."""
    Counter("orders", "Orders made", registry=default_registry).inc(3)
    Counter("http_requests", "Theirs", registry=default_registry).inc(99)
    with recording({"TELEMETRY_PROMETHEUS_CLIENT": "true"}) as recorded:
        assert recorded.value(THEIRS) == 3
        assert OURS in recorded.text()
        openmetrics = recorded.text("application/openmetrics-text")
        assert openmetrics.count("orders_total 3.0\n") == 1
        assert "99" not in recorded.text() + openmetrics
        assert openmetrics.endswith("# EOF\n")
    assert "the counter http_requests is not shown: another metric has its name; rename it" in caplog.text


def test_a_registry_that_fails_takes_nothing_with_it(
    default_registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours are shown, and a line says why the rest is not."""

    class Broken:
        def collect(self) -> Any:
            raise RuntimeError("no database")

    default_registry.register(Broken())  # type: ignore[arg-type]
    with recording({"TELEMETRY_PROMETHEUS_CLIENT": "true"}) as recorded:
        assert OURS in recorded.text()
    assert "prometheus_client's registry is not shown: no database" in caplog.text


def test_without_being_asked_prometheus_client_is_left_out(
    default_registry: CollectorRegistry, metrics: Any
) -> None:
    """Its python_info and process_* are no metrics of this service."""
    Gauge("theirs", "Theirs", registry=default_registry).set(1)
    assert "theirs" not in metrics.text()


def test_the_gates_of_an_application_hold_for_its_metrics(metrics: Any) -> None:
    """Which hosts it answers to, and that it answers by https alone."""
    app = FastAPI()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["shop.test"])
    telemetry.instrument(app, metrics.pipeline)
    assert TestClient(app, base_url="http://evil.test").get("/metrics").status_code == 400
    assert OURS in TestClient(app, base_url="http://shop.test").get("/metrics").text

    secure = FastAPI()
    telemetry.instrument(secure, metrics.pipeline)
    secure.add_middleware(HTTPSRedirectMiddleware)
    asked = TestClient(secure).get("/metrics", follow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (307, "https://testserver/metrics")
    assert OURS in TestClient(secure, base_url="https://shop.test").get("/metrics").text


def test_other_middleware_neither_sees_nor_stops_a_scrape(metrics: Any) -> None:
    """One that fails is when metrics are needed."""
    app = FastAPI()

    @app.middleware("http")
    async def broken(_: Any, __: Any) -> Any:
        raise RuntimeError("broken")

    telemetry.instrument(app, metrics.pipeline)
    assert TestClient(app).get("/metrics").status_code == 200


@pytest.fixture
def twin(metrics: Any, registry: CollectorRegistry) -> tuple[TestClient, TestClient]:
    """Ours, and prometheus_client's application mounted as its documentation says."""
    ours, theirs = FastAPI(), FastAPI()
    telemetry.instrument(ours, metrics.pipeline)
    theirs.mount("/metrics", make_asgi_app(registry))
    return TestClient(ours), TestClient(theirs)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_a_slash_at_the_end_is_as_good(path: str, twin: tuple[TestClient, TestClient]) -> None:
    """prometheus_client's application answers both, one of them by a redirect."""
    assert [client.get(path).status_code for client in twin] == [200, 200]


QUERIES = {
    "name[]=A": {"A"},
    "name%5B%5D=A": {"A"},
    "name[]=A&name[]=B": {"A", "B"},
    "name[]=nothing": set(),
    "name[]=": {"A", "B"},  # as if it were not there
    "name=A": {"A", "B"},
    "": {"A", "B"},
}


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text"])
@pytest.mark.parametrize(("query", "wanted"), QUERIES.items())
def test_names_may_be_asked_for(query: str, wanted: set[str], accept: str) -> None:
    """`?name[]=` gives the samples of these names and their heads, as prometheus_client does."""
    own = CollectorRegistry()
    Counter("http_requests", "A", ["endpoint"], registry=own).labels(endpoint='a b{"').inc()
    Gauge("active", "B", registry=own).set(2)
    names = {"A": "http_requests_total", "B": "active"}
    for letter, name in names.items():
        query = query.replace(f"={letter}", f"={name}")
    theirs = FastAPI()
    theirs.mount("/metrics", make_asgi_app(own))
    with recording() as recorded:
        from telemetry.metrics import http_requests_total

        http_requests_total.labels(method="GET", endpoint='a b{"', status_code="200").inc()
        recorded.pipeline._provider.get_meter("m").create_gauge("active").set(2)  # type: ignore[union-attr]
        ours = FastAPI()
        telemetry.instrument(ours, recorded.pipeline)
        for app in (ours, theirs):
            body = TestClient(app).get(f"/metrics/?{query}", headers={"accept": accept}).text
            shown = {line.split("{")[0].split(" ")[0] for line in body.splitlines() if line[0] != "#"}
            assert {letter for letter, name in names.items() if name in shown} == wanted
            if "name[]" in query.replace("%5B%5D", "[]") and not query.endswith("="):
                assert shown == {names[letter] for letter in wanted}
                heads = [line for line in body.splitlines() if line.startswith("# TYPE")]
                assert len(heads) == len(wanted)
            assert body.endswith("# EOF\n") == (accept != "text/plain")


GZIP = [("gzip", True), ("gzip;q=0", False), ("deflate, GZIP;q=0.5", True), ("identity", False), ("*", True)]


@pytest.mark.parametrize(("accepted", "is_compressed"), [*GZIP, ("", False)])
def test_a_page_is_compressed_where_that_is_asked_for(
    accepted: str, is_compressed: bool, metrics: Any
) -> None:
    """By Accept-Encoding; the length is that of what is sent."""
    app = FastAPI()
    telemetry.instrument(app, metrics.pipeline)
    with TestClient(app).stream("GET", "/metrics", headers={"accept-encoding": accepted}) as answered:
        raw = b"".join(answered.iter_raw())
        headers = answered.headers
    assert headers.get("content-encoding") == ("gzip" if is_compressed else None)
    assert int(headers["content-length"]) == len(raw)
    text = gzip.decompress(raw) if is_compressed else raw
    assert text.decode() == metrics.text()
    assert [*parse(text.decode())]


def test_httpx_reads_what_is_compressed(metrics: Any) -> None:
    """A client that unpacks by itself."""
    app = FastAPI()
    telemetry.instrument(app, metrics.pipeline)
    answered: httpx.Response = TestClient(app).get("/metrics")
    assert (answered.headers["content-encoding"], answered.text) == ("gzip", metrics.text())
