"""reviewlens_dashboard: HTTP performance."""

from __future__ import annotations

from monitoring.dashboards.model import Dashboard, Panel, PanelRow, Query, bad_from, good_from, share
from monitoring.dashboards.variables import ENDPOINT, PROMETHEUS, runbook, runbook_of_row
from monitoring.targets import Targets

ALL = "http_requests_total"
DURATION = "http_request_duration_seconds"
CHOSEN = 'endpoint=~"$endpoint"'


def quantile(share: float) -> str:
    """The whole service's latency at a quantile, over 5 minutes."""
    return f"histogram_quantile({share},\n  sum by (le) (rate({DURATION}_bucket[5m]))\n)"


def within(bound: str) -> str:
    """The share of requests answered within a bucket's bound, in either spelling of the bound."""
    return f'sum(rate({DURATION}_bucket{{le=~"{bound}(\\\\.0)?"}}[5m])) / sum(rate({DURATION}_count[5m]))'


ERROR_RATE = share(f'sum(rate({ALL}{{status_code=~"[45].."}}[5m]))', f"sum(rate({ALL}[5m]))")


def board(targets: Targets) -> Dashboard:
    """The board, with limits and targets from slo.yaml."""
    return Dashboard(
        file="reviewlens_dashboard",
        title="ReviewLens: HTTP performance",
        description="How much is asked of the API, how fast it answers, and what fails.",
        tags=("reviewlens", "http"),
        variables=(ENDPOINT, PROMETHEUS),
        rows=(
            PanelRow("Now", _now(targets)),
            PanelRow("Traffic", TRAFFIC),
            PanelRow("Latency", _latency(targets)),
            PanelRow("Errors", _errors(targets)),
        ),
    )


def _now(targets: Targets) -> tuple[Panel, ...]:
    slow, failing = targets.limit("HighLatency"), targets.limit("HighErrorRate")
    return (
        Panel(
            "stat",
            "HTTP Request Rate (RPS)",
            "Requests answered per second, every endpoint and instance together.",
            (Query(f"sum(rate({ALL}[1m]))", "requests"),),
            unit="reqps",
            width=6,
            height=5,
        ),
        Panel(
            "stat",
            "Error Rate (%)",
            "Answers with 4xx or 5xx, in percent of all. 4xx are usually the caller's.",
            (Query(f"(\n  {ERROR_RATE}\n) * 100", "4xx + 5xx"),),
            unit="percent",
            width=6,
            height=5,
            thresholds=bad_from(25, warn=failing * 100),
        ),
        Panel(
            "stat",
            "Server error share",
            "Answers with 5xx among all: what HighErrorRate watches. Red at its limit.",
            (Query("service:http_request_errors:ratio_rate5m", "5xx"),),
            unit="percentunit",
            width=6,
            height=5,
            thresholds=bad_from(failing),
            links=(runbook("HighErrorRate"),),
        ),
        Panel(
            "stat",
            "p99 latency",
            "99 of 100 requests are faster: what HighLatency watches. Red at its limit.",
            (Query("service:http_request_duration_seconds:p99_rate5m", "p99"),),
            unit="s",
            width=6,
            height=5,
            thresholds=bad_from(slow, warn=slow / 2),
            links=(runbook("HighLatency"),),
        ),
    )


TRAFFIC = (
    Panel(
        "timeseries",
        "Request rate by endpoint",
        "Requests per second of the chosen endpoints, by route template.",
        (Query(f"sum by (endpoint) (rate({ALL}{{{CHOSEN}}}[1m]))", "{{endpoint}}"),),
        unit="reqps",
        width=12,
    ),
    Panel(
        "timeseries",
        "Request rate by status",
        "Requests per second of the chosen endpoints, by status code.",
        (Query(f"sum by (status_code) (rate({ALL}{{{CHOSEN}}}[1m]))", "{{status_code}}"),),
        unit="reqps",
        width=12,
    ),
    Panel(
        "bargauge",
        "Requests by endpoint",
        "Requests since each process started, by route template.",
        (Query(f"sum by (endpoint) ({ALL})", "{{endpoint}}"),),
        width=12,
    ),
    Panel(
        "table",
        "Request rate in detail",
        "Requests per second by method, endpoint and status, over the last minute.",
        (Query(f"sum by (method, endpoint, status_code) (rate({ALL}{{{CHOSEN}}}[1m]))", "{{endpoint}}"),),
        unit="reqps",
        width=12,
    ),
)


def _latency(targets: Targets) -> tuple[Panel, ...]:
    slow = targets.limit("HighLatency")
    objective = targets.objective("latency")
    return (
        Panel(
            "timeseries",
            "HTTP Latency (p50/p95/p99)",
            "Half, 95 and 99 of 100 requests are faster than this. Dashed: HighLatency's limit.",
            tuple(Query(quantile(q), f"p{q * 100:.0f}") for q in (0.5, 0.95, 0.99)),
            unit="s",
            width=12,
            thresholds=bad_from(slow),
            links=(runbook("HighLatency"),),
        ),
        Panel(
            "timeseries",
            "Average latency by endpoint",
            "Mean time to answer. Far below p95: a few requests are very slow.",
            (
                Query(
                    f"sum by (endpoint) (rate({DURATION}_sum{{{CHOSEN}}}[5m])) /\n"
                    f"sum by (endpoint) (rate({DURATION}_count{{{CHOSEN}}}[5m]))",
                    "{{endpoint}}",
                ),
            ),
            unit="s",
            width=12,
            thresholds=bad_from(slow),
        ),
        Panel(
            "timeseries",
            "p95 latency by endpoint",
            "The slowest twentieth of the requests begins here, by route template.",
            (
                Query(
                    "histogram_quantile(0.95, "
                    f"sum by (endpoint, le) (rate({DURATION}_bucket{{{CHOSEN}}}[5m])))",
                    "{{endpoint}}",
                ),
            ),
            unit="s",
            width=8,
            thresholds=bad_from(slow),
        ),
        Panel(
            "timeseries",
            "Answered in time",
            "Share of requests answered within 1 s and within 5 s. The dashed line is the latency objective.",
            tuple(Query(within(bound), f"within {bound} s") for bound in ("1", "5")),
            unit="percentunit",
            width=8,
            thresholds=good_from(objective.target),
            most=1,
        ),
        Panel(
            "heatmap",
            "Latency distribution",
            "Requests per bucket of duration: two bands are two kinds of requests.",
            (
                # A scrape says le="1.0", a push le="1": one row for both.
                Query(
                    f"sum by (le) (label_replace(\n"
                    f"  increase({DURATION}_bucket{{{CHOSEN}}}[$__rate_interval]),\n"
                    f'  "le", "$1", "le", "(.+)\\\\.0"\n'
                    f"))",
                    "{{le}}",
                ),
            ),
            unit="s",
            width=8,
        ),
    )


def _errors(targets: Targets) -> tuple[Panel, ...]:
    failing = targets.limit("HighErrorRate")
    return (
        Panel(
            "timeseries",
            "Error rate",
            "Share of answers with 4xx or 5xx, and with 5xx alone. Dashed: HighErrorRate's limit for 5xx.",
            (
                Query(ERROR_RATE, "4xx + 5xx"),
                Query("service:http_request_errors:ratio_rate5m", "5xx"),
            ),
            unit="percentunit",
            thresholds=bad_from(failing),
            links=(runbook("HighErrorRate"),),
        ),
        Panel(
            "timeseries",
            "Errors by endpoint and status",
            "Failed requests per second of the chosen endpoints.",
            (
                Query(
                    f'sum by (endpoint, status_code) (rate({ALL}{{status_code=~"[45]..",{CHOSEN}}}[5m]))',
                    "{{status_code}} {{endpoint}}",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            "timeseries",
            "Errors by type",
            "Errors per second by component and type, caught ones too.",
            (
                Query(
                    "sum by (error_type, component) (rate(errors_total[5m]))",
                    "{{component}} {{error_type}}",
                ),
            ),
            unit="cps",
        ),
        Panel(
            "bargauge",
            "Errors by component",
            "Errors since each process started, by the component in which they arose.",
            (Query("sum by (component) (errors_total)", "{{component}}"),),
            width=12,
        ),
        Panel(
            "table",
            "Alerts",
            "Alerts that are pending or firing. A click on a row opens its runbook.",
            (Query("sum by (alertname, alertstate, severity) (ALERTS)", "{{alertname}}"),),
            width=12,
            links=(runbook_of_row(),),
        ),
    )
