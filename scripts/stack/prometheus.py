"""The running Prometheus; what keeps it from answering is an error of the stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from scripts.stack.errors import StackError
from telemetry.doctor.prometheus import Prometheus, PrometheusError, QueryError

T = TypeVar("T")


class StackPrometheus(Prometheus):
    """Raises StackError: Prometheus' own words where it refuses, else where to look."""

    def _ask(self, path: str, read: Callable[[Any], T], method: str = "GET", **parameters: Any) -> T:
        try:
            return super()._ask(path, read, method, **parameters)
        except QueryError as error:
            raise StackError(f"Prometheus says: {error.reason}") from error
        except PrometheusError as error:
            raise StackError(
                f"Prometheus does not answer at {self.where} ({error.reason}); see scripts/status.sh."
            ) from error

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing alerts."""
        alerts: list[dict[str, Any]] = self.api("alerts")["alerts"]
        return alerts

    def alert_rules(self) -> int:
        """How many rules could fire."""
        return sum(len(group["rules"]) for group in self.api("rules", type="alert")["groups"])
