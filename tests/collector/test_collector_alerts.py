"""The alerts on a collector read what a real one shows, in both versions of Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack

import pytest
from support.collected import FOLDER, own, pushing, turn
from support.otlp_sink import otlp_sink
from support.servers import PrometheusServer, collector, prometheus, wait_for

from monitoring.contract import COLLECTOR_SERIES, KnownSeries
from monitoring.targets import HERE, read_rules

pytestmark = pytest.mark.built

VERSIONS = ("2.42", "3.5")
FILE = "collector_alerts.yml"
ALERTS = {rule.name for rule in read_rules() if rule.file == FILE}


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, PrometheusServer]]:
    """A collector that was full, that dropped and that sent, as Prometheus saw it.

    Each step waits until both have seen it: an alert counts what it saw grow.
    """
    text = (FOLDER / "config.prometheus-otlp.yaml").read_text(encoding="utf-8")
    with ExitStack() as stack:
        sink = stack.enter_context(otlp_sink())
        env = {"REVIEWLENS_PROMETHEUS_OTLP_URL": sink.url}
        gate = stack.enter_context(collector(text.replace("queue_size: 2000", "queue_size: 1"), env=env))
        seen = {version: stack.enter_context(scraping(gate.telemetry, version)) for version in VERSIONS}

        def await_all(expr: str) -> None:
            for server in seen.values():
                wait_for(expr, lambda server=server: server.query(expr))

        recorded = stack.enter_context(pushing(gate))
        sink.go.clear()
        turn(recorded)
        await_all("otelcol_receiver_refused_metric_points_total == 0")
        turn(recorded)
        await_all("otelcol_receiver_refused_metric_points_total > 0")
        await_all('ALERTS{alertname="CollectorRefusing"}')
        await_all('ALERTS{alertname="CollectorQueueNearlyFull"}')
        sink.status = 401
        sink.go.set()
        wait_for("the drop", lambda: own(gate, "exporter_send_failed_metric_points_total"))
        sink.status = 200
        turn(recorded)
        await_all("otelcol_exporter_sent_metric_points_total > 0")
        await_all('ALERTS{alertname="CollectorDropping"}')
        yield seen


def scraping(target: str, version: str) -> AbstractContextManager[PrometheusServer]:
    """The committed config and rules, looking every second."""
    config = (HERE / "prometheus.otlp.yml").read_text(encoding="utf-8").replace("localhost:8888", target)
    config = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", config)
    rules = (HERE / "alerts" / FILE).read_text(encoding="utf-8")
    return prometheus(config, rules={f"alerts/{FILE}": rules}, version=version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("known", COLLECTOR_SERIES, ids=lambda known: known.name)
def test_a_real_collector_has_the_series_that_are_read(
    known: KnownSeries, version: str, servers: Mapping[str, PrometheusServer]
) -> None:
    """Under that name, with the labels and values that we say it has."""
    samples = servers[version].query(f"last_over_time({known.name}[5m])")
    assert samples
    for sample in samples:
        assert set(known.labels) <= set(sample.labels)
        for label, values in known.labels.items():
            assert not values or sample.labels[label] in values


@pytest.mark.parametrize("version", VERSIONS)
def test_each_alert_saw_its_fault(version: str, servers: Mapping[str, PrometheusServer]) -> None:
    """Pending, because their `for:` is minutes; promtool looks at that."""
    samples = servers[version].query("count by (alertname) (last_over_time(ALERTS[5m]))")
    assert {sample.labels["alertname"] for sample in samples} == ALERTS
