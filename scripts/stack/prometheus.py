"""Questions to the running Prometheus, in its own HTTP API."""

from __future__ import annotations

from typing import Any

import httpx

from scripts.stack.errors import StackError


class Prometheus:
    """One address; StackError when it does not answer, or with its own words when it refuses."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expr: str) -> tuple[str, Any]:
        """Kind (vector, matrix, scalar, string) and result of an expression, now."""
        data = self._ask("POST", "query", query=expr)
        return data["resultType"], data["result"]

    def vector(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series."""
        return [(row["metric"], float(row["value"][1])) for row in self.query(expr)[1]]

    def alerts(self) -> list[dict[str, Any]]:
        """What is pending or firing."""
        alerts: list[dict[str, Any]] = self._ask("GET", "alerts")["alerts"]
        return alerts

    def alert_rules(self) -> int:
        """How many rules could fire."""
        return sum(len(group["rules"]) for group in self._ask("GET", "rules?type=alert")["groups"])

    def targets(self) -> list[dict[str, Any]]:
        """What is scraped."""
        targets: list[dict[str, Any]] = self._ask("GET", "targets?state=active")["activeTargets"]
        return targets

    def _ask(self, method: str, path: str, **form: str) -> Any:
        try:
            # As a form: a long expression fits no URL.
            answer = httpx.request(
                method, f"{self._url}/api/v1/{path}", data=form or None, timeout=30, trust_env=False
            )
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise StackError(
                f"Prometheus does not answer at {self._url} ({error}); see scripts/status.sh."
            ) from error
        if body["status"] != "success":
            raise StackError(f"Prometheus says: {body['error']}")
        return body["data"]
