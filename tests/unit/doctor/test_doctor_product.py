"""The doctor knows no product: it is given one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.servers import ROOT

from app.product import PRODUCT
from telemetry.doctor.backend import Backend
from telemetry.doctor.product import ExaminedProgram
from telemetry.doctor.prometheus import Sample, ScrapeTarget
from telemetry.doctor.subject import Subject
from telemetry.doctor.targets import targets

SHOP = ExaminedProgram("SHOP_HOST", frozenset({"shop"}), frozenset({"batch"}))
WORDS = {
    "reviewlens",
    *PRODUCT.jobs,
    *PRODUCT.optional_jobs,
    *PRODUCT.label_values,
    "monitoring/",
    "scripts/",
    "make up",
}
FILES = sorted((ROOT / "telemetry" / "doctor").glob("*.py"))


@dataclass(frozen=True)
class OneTarget(Backend):
    """A Prometheus whose one target refuses connections."""

    job: str = ""
    exposing: list[ScrapeTarget] = field(default_factory=list)

    def targets(self) -> list[ScrapeTarget]:
        labels = {"job": self.job, "instance": "a"}
        url = "http://host.docker.internal:1/metrics"
        return [ScrapeTarget(labels, url, 10, "down", "connection refused")]

    def query(self, expr: str, at: float | None = None) -> list[Sample]:
        return []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_doctor_names_nothing_of_the_product(file: Path) -> None:
    """Neither in code nor in words: what it says of a product is the product's own."""
    text = file.read_text(encoding="utf-8").lower()
    assert [word for word in WORDS if word in text] == []


def test_the_words_are_those_that_the_product_gives() -> None:
    """So that the test before this one can fail."""
    given = (ROOT / "app" / "product.py").read_text(encoding="utf-8").lower()
    assert {"reviewlens", "reviewlens-backend", "crawl-script", "category", "session_id"} <= {
        word for word in WORDS if word in given
    }


@pytest.mark.server
def test_a_finding_says_the_variables_and_jobs_of_the_product_that_is_given() -> None:
    """Its target is known by its job's name; a job that may be down is no fault."""
    subject = Subject({}, SHOP, api_port=2, timeout=0.1)
    first, *_ = targets(subject, OneTarget("http://prometheus", job="shop"))
    assert first.id == "target.down"
    assert first.mend == ("SHOP_HOST=0.0.0.0, if the service runs and listens on loopback only",)
    assert [one.id for one in targets(subject, OneTarget("http://prometheus", job="batch"))] == [
        "target.none"
    ]
