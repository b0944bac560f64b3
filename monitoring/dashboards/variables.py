"""The choices at the head of every board, in English and Korean."""

from __future__ import annotations

from monitoring.dashboards.model import DashboardVariable, Link

ENDPOINT = DashboardVariable(
    "endpoint", "Endpoint", "Route templates to show", ("http_requests_total", "endpoint")
)
CATEGORY_KO = DashboardVariable(
    "category", "카테고리", "볼 제품 카테고리", ("dialogue_sessions_total", "category")
)
PROVIDER_KO = DashboardVariable("provider", "LLM 제공자", "볼 LLM 제공자", ("llm_calls_total", "provider"))
ENDPOINT_KO = DashboardVariable("endpoint", "엔드포인트", "볼 API 경로", ("http_requests_total", "endpoint"))
PRICE_KO = DashboardVariable(
    "price", "1K 토큰당 가격 ($)", "비용 추정에 쓰는 토큰 1,000개의 가격", default="0.001"
)
PROMETHEUS = DashboardVariable(
    "prometheus_url",
    "Prometheus",
    "Where a browser reaches Prometheus, which serves the runbooks",
    default="http://localhost:9090",
)
PROMETHEUS_KO = DashboardVariable(
    "prometheus_url",
    "Prometheus",
    "브라우저에서 본 Prometheus 주소. 런북도 여기에서 열립니다",
    default="http://localhost:9090",
)


def runbook(alert: str, title: str = "Runbook") -> Link:
    """The link to an alert's runbook."""
    return Link(f"{title}: {alert}", f"${{prometheus_url}}/user/{alert}.md")


def runbook_of_row(title: str = "Runbook") -> Link:
    """The link to the runbook of the alert that a table's row names."""
    return Link(title, "${prometheus_url}/user/${__data.fields.alertname}.md")
