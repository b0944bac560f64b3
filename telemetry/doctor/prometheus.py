"""A client of Prometheus' HTTP API, for the doctor and for whoever else asks one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from telemetry.doctor.durations import seconds
from telemetry.doctor.proxies import request
from telemetry.secrets import cleaned, hidden_in, without_secrets

T = TypeVar("T")
# Prometheus itself gives a query two minutes.
PATIENCE_SECONDS = 30.0


class PrometheusError(Exception):
    """There is no usable answer. The message has the address and the reason; `reason` is the latter."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.reason = reason


class QueryError(PrometheusError):
    """Prometheus answered that it cannot; the reason is in its own words."""


class Sample(NamedTuple):
    """One series of an instant answer, `__name__` among its labels. A scalar has none."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class ScrapeTarget:
    """What Prometheus scrapes. `interval` in seconds; `last_scrape` in its own words."""

    labels: dict[str, str]
    url: str
    interval: float
    health: str
    error: str
    last_scrape: str = ""


@dataclass(frozen=True)
class Prometheus:
    """The API at one address. `timeout`: seconds for a whole answer. All that asks raises PrometheusError."""

    url: str
    timeout: float = PATIENCE_SECONDS

    @property
    def where(self) -> str:
        """The address without its secrets."""
        return without_secrets(self.url)

    def query(self, expr: str, at: float | None = None) -> list[Sample]:
        """The series of an expression. `at`: seconds since 1970, default now."""
        moment = {} if at is None else {"time": at}
        return self._ask("query", _samples, "POST", query=expr, **moment)

    def result(self, expr: str) -> tuple[str, Any]:
        """Kind (vector, matrix, scalar, string) and rows of what an expression gives now."""
        return self._ask("query", lambda data: (data["resultType"], data["result"]), "POST", query=expr)

    def targets(self) -> list[ScrapeTarget]:
        """Every active target."""
        return self._ask("targets", lambda data: list(map(_target, data["activeTargets"])), state="active")

    def api(self, path: str, **parameters: Any) -> Any:
        """`data` of another question, by the end of its path."""
        return self._ask(path, lambda data: data, **parameters)

    def _ask(self, path: str, read: Callable[[Any], T], method: str = "GET", **parameters: Any) -> T:
        """What is read from an answer's data."""
        import requests

        from telemetry.push.failures import in_words

        url, where = (f"{each.rstrip('/')}/api/v1/{path}" for each in (self.url, self.where))
        # As a form: a long expression fits no URL.
        sent = {"data" if method == "POST" else "params": parameters}
        try:
            response = request(method, url, timeout=self.timeout, **sent)
        except requests.RequestException as error:
            raise PrometheusError(where, in_words(error)) from error
        try:
            body = response.json()
            if body["status"] == "success":
                return read(body["data"])
            reason = cleaned(str(body["error"]), hidden_in(self.url))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            kind = response.headers.get("content-type", "no type").partition(";")[0]
            reason = f"{response.status_code} with {kind}, which is no answer of a Prometheus"
            raise PrometheusError(where, reason) from None
        raise QueryError(where, reason)


def _samples(data: Any) -> list[Sample]:
    if data["resultType"] == "scalar":
        return [Sample({}, float(data["result"][1]))]
    return [Sample(row["metric"], float(row["value"][1])) for row in data["result"]]


def _target(row: Any) -> ScrapeTarget:
    return ScrapeTarget(
        row["labels"],
        row["scrapeUrl"],
        seconds(row["scrapeInterval"]),
        row["health"],
        row["lastError"],
        row.get("lastScrape", ""),
    )
