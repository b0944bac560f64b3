"""Intervals that files repeat, in a copy of ours: slips are named, and one command mends them."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from monitoring.intervals.__main__ import main
from monitoring.intervals.files import faults, write
from monitoring.intervals.source import SOURCE, IntervalsError, read_intervals
from monitoring.targets import HERE

GIVEN = replace(
    read_intervals(), every={"service": "10s", "crawl_script": "30s", "native": "15s", "docker": "10s"}
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository with the files that say intervals, those given above, to be broken."""
    for folder in ("monitoring", "otel-collector"):
        ignored = shutil.ignore_patterns("data", "secrets", "dashboards", "__pycache__")
        shutil.copytree(HERE.parent / folder, tmp_path / folder, ignore=ignored)
    (tmp_path / SOURCE).write_text(yaml.safe_dump(asdict(GIVEN), sort_keys=False), encoding="utf-8")
    write(GIVEN, tmp_path)
    return tmp_path


def change(path: Path, right: str, wrong: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        (
            "prometheus.yml",
            "    scrape_interval: 10s",
            "    scrape_interval: 20s",
            "scrape_configs.reviewlens-backend.scrape_interval: 20s: expected 10s (service in ",
        ),
        (
            "prometheus/prometheus.yml",
            "  evaluation_interval: 10s\n",
            "",
            "global.evaluation_interval is missing: expected 10s (docker in ",
        ),
        (
            "prometheus.otlp.yml",
            "  - job_name: collector\n",
            "  - job_name: collector\n    scrape_interval: 5s\n",
            f"scrape_configs.collector.scrape_interval: list it in {SOURCE}",
        ),
        (
            "grafana/provisioning/datasources/prometheus.yml",
            'timeInterval: "15s"',
            "timeInterval: 15",
            "datasources.Prometheus.jsonData.timeInterval: 15: expected 15s (native in ",
        ),
        (
            "alerts/tests/api_alerts_test.yml",
            "\nevaluation_interval: 15s",
            "\nevaluation_interval: 1m",
            "evaluation_interval: 1m: expected 15s (native in ",
        ),
    ],
)
def test_one_slip_in_a_copy_is_found(file: str, right: str, wrong: str, said: str, copy: Path) -> None:
    """Another number, none, and one that the source does not know: each is named with what was expected."""
    change(copy / "monitoring" / file, right, wrong)
    (found,) = faults(GIVEN, copy)
    assert found.startswith(f"monitoring/{file}: {said}")


def test_one_edit_and_one_command_change_an_interval(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file follows, and keeps its comments and quotes; --check changes nothing and tells them all."""
    change(copy / SOURCE, "native: 15s", "native: 1m")
    before = (copy / "monitoring/prometheus.yml").read_text(encoding="utf-8")

    assert main(["--check"], copy) == 1
    told = capsys.readouterr().err.splitlines()
    assert {line.split(":")[0] for line in told} >= {
        "monitoring/prometheus.yml",
        "monitoring/prometheus.otlp.yml",
    }
    assert all("mend with: python -m monitoring.intervals" in line for line in told)
    assert (copy / "monitoring/prometheus.yml").read_text(encoding="utf-8") == before

    assert main([], copy) == 0
    assert (copy / "monitoring/prometheus.yml").read_text(encoding="utf-8") == before.replace("15s", "1m")
    source = "monitoring/grafana/provisioning/datasources/prometheus.yml"
    assert 'timeInterval: "1m"\n' in (copy / source).read_text(encoding="utf-8")
    assert main(["--check"], copy) == 0


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("service: 10s", "service: 10", f"{SOURCE}: every.service: 10: expected a duration such as 10s"),
        ("service: 10s", "service: 0s", f"{SOURCE}: every.service: '0s': expected a duration such as 10s"),
        (
            "timeInterval: native",
            "timeInterval: nativ",
            "'nativ': expected one of service, crawl_script, native, docker",
        ),
        ("said_in:", "said:", f"{SOURCE}: every, said: expected the keys every and said_in"),
    ],
)
def test_a_wrong_entry_is_named(
    right: str, wrong: str, said: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Key, value and what was expected, in one line."""
    change(copy / SOURCE, right, wrong)
    with pytest.raises(IntervalsError, match="expected"):
        read_intervals(copy / SOURCE)
    assert main(["--check"], copy) == 1
    assert capsys.readouterr().err.strip().endswith(said)
