"""The SDK's private names may change with any release: all series stand as before all the same.

Each name that telemetry uses is renamed in a copy of the SDK and its exporter, as a release may do. A
process that runs on the copy records, is scraped, pushes and forks.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import opentelemetry.sdk
import pytest
from support.servers import ROOT

PACKAGES = ("sdk", "exporter/prometheus")
NAMES = (
    "_attributes_aggregation",
    "_boundaries",
    "_callback",
    "_collect",
    "_collect_exemplars",
    "_collector",
    "_create_aggregation",
    "_export_lock",
    "_instrument_class_aggregation",
    "_instrument_view_instrument_matches",
    "_measurement_consumer",
    "_preferred_aggregation",
    "_preferred_temporality",
    "_reader_storages",
    "_sample_exemplar",
    "_set_collect_callback",
    "_translate_metric",
    "_update_resource",
)
SCRIPT = ROOT / "tests" / "data" / "renamed.py"
FALLBACK = "this version of the SDK is not known"


def copy(to: Path, name: str) -> None:
    """The installed SDK and exporter, with one name replaced wherever it is the whole word."""
    source = Path(opentelemetry.sdk.__path__[0]).parent
    for package in PACKAGES:
        shutil.copytree(source / package, to / "opentelemetry" / package)
    for file in to.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(rf"\b{name}\b", f"{name}_renamed", text), encoding="utf-8")


def run(path: Path | None) -> tuple[dict[str, Any], str]:
    """What the process tells with packages from `path` first, and its log."""
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env={"PYTHONPATH": f"{path}:{ROOT}" if path else str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told, done.stderr


@cache
def expected() -> dict[str, Any]:
    """What it tells with the SDK as it is."""
    told, log = run(None)
    assert log == ""
    return told


def test_the_process_tells_what_it_recorded() -> None:
    told = expected()
    counted = 'http_requests_total{endpoint="/a",method="GET",status_code="200"} 2.0'
    assert told["scraped"].count(counted) == 1
    assert 'c_total{a="b"} 6.0' in told["scraped"]
    assert told["child"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_renamed_name_costs_no_series(name: str, tmp_path: Path) -> None:
    """The same series with the same values, scraped and pushed; a fallback is said in one line."""
    copy(tmp_path, name)
    told, log = run(tmp_path)
    assert told == expected(), log
    assert log.count("\n") <= 1, log
    assert not log or FALLBACK in log, log


def test_the_page_of_names_has_them_all() -> None:
    """docs/reference/sdk.md is what a reviewer of a new SDK release reads."""
    page = (ROOT / "docs" / "reference" / "sdk.md").read_text(encoding="utf-8")
    missing = [name for name in NAMES if f"`{name}`" not in page]
    assert missing == ["_callback"], "which is not used any more, and stands here so that it is not again"
