"""Fill the generated parts of the documentation: tables of metrics, settings and paths.

A part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->` in any Markdown file listed here.
Run `python -m scripts.docs`; with --check it changes nothing and exits 1 where a file is stale.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from app.api import health, products, sessions
from app.llm.settings import LLMSettings
from app.reviews.rows import ROWS
from app.settings import AppSettings, EnvironmentSettings
from scripts.stack.settings import variables as stack_variables
from telemetry.catalog import CATALOG
from telemetry.doctor.verdicts import VERDICTS
from telemetry.push.target import variables
from telemetry.record.schema import Metric

ROOT = Path(__file__).parents[1]
FILES = (
    "docs/how-to/reviews.md",
    "docs/reference/doctor.md",
    "docs/reference/http-api.md",
    "docs/reference/metrics.md",
    "docs/reference/settings.md",
    "tests/README.md",
)
BEGIN = re.compile(r"<!-- generated: (?P<name>\w+) -->\n.*?<!-- end of (?P=name) -->", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; `|` within a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def http_api() -> str:
    """Every path of the service, with its status codes."""
    routed = FastAPI()
    for module in (health, products, sessions):
        routed.include_router(module.router)
    return table(
        ("method", "path", "effect", "status codes"),
        (
            (
                method.upper(),
                f"`{path}`",
                operation["description"].partition("\n\n")[0].replace("\n", " "),
                ", ".join(sorted(operation["responses"])),
            )
            for path, operations in routed.openapi()["paths"].items()
            for method, operation in operations.items()
        ),
    )


def review_columns() -> str:
    """The columns of each kind of file that `reviewlens ingest` takes."""
    return table(
        ("kind", "column", "expected", "needed"),
        (
            (kind, f"`{name}`", field.description or "", "yes" if field.is_required() else "")
            for kind, row in ROWS.items()
            for name, field in row.model_fields.items()
        ),
    )


def catalogue() -> str:
    """Everything that the catalogue says of every metric."""
    return table(
        (
            "metric",
            "kind",
            "unit",
            "what it counts",
            "labels and their values",
            "buckets",
            "label sets at most",
            "series at most",
            "read by",
        ),
        (
            (
                f"`{metric.name}`",
                metric.kind,
                f"`{metric.unit}`",
                metric.description,
                _values(metric),
                " ".join(f"{bound:g}" for bound in metric.buckets),
                f"{metric.cardinality_limit:,}",
                f"{metric.cardinality_limit * metric.series_per_label_set:,}",
                ", ".join(metric.read_by),
            )
            for metric in CATALOG
        ),
    )


def _values(metric: Metric) -> str:
    """The labels with their values, and the listed label sets that exist from the start."""
    labels = "; ".join(
        f"`{label.name}`" + (f": {', '.join(label.values)}" if label.values else "")
        for label in metric.labels
    )
    sets = ", ".join("/".join(values) for values in metric.preinitialised)
    return f"{labels}; at 0 from the start: {sets}" if sets else labels


def telemetry_settings() -> str:
    """Every variable of the pipeline."""
    return table(
        ("variable", "default", "expected"),
        ((f"`{key}`", _shown(default), expected) for key, (expected, default) in variables().items()),
    )


def app_settings() -> str:
    """Every variable of the service."""
    return table(("variable", "default", "meaning"), _rows(AppSettings))


def llm_settings() -> str:
    """Every variable of the LLM part."""
    return table(("variable", "default", "meaning"), _rows(LLMSettings))


def stack_settings() -> str:
    """Every variable of the stack on one machine."""
    rows = ((f"`{key}`", _shown(default), meaning) for key, (default, meaning) in stack_variables().items())
    return table(("variable", "default", "meaning"), rows)


def verdicts() -> str:
    """Every verdict of `reviewlens doctor`."""
    return table(
        ("id", "severity", "what it means", "what it leads to"),
        ((f"`{name}`", it.severity, it.means, it.leads_to) for name, it in VERDICTS.items()),
    )


def test_support() -> str:
    """What tests share: the first sentence of each module."""
    rows = (
        (
            f"`{path.name}`",
            _first_sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""),
        )
        for path in sorted((ROOT / "tests" / "support").glob("*.py"))
    )
    return table(("module", "what it gives"), rows)


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", paragraph)[0].rstrip(".")


def _rows(settings: type[EnvironmentSettings]) -> Iterable[tuple[str, str, str]]:
    for key, field in settings.variables().items():
        yield f"`{key}`", _shown(field.default), field.description or ""


def _shown(default: Any) -> str:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, tuple):
        default = ",".join(default)
    if isinstance(default, bool):
        default = str(default).lower()
    return f"`{default}`" if default not in (None, "") else ""


PARTS: Mapping[str, Callable[[], str]] = {
    "http_api": http_api,
    "catalogue": catalogue,
    "review_columns": review_columns,
    "telemetry_settings": telemetry_settings,
    "app_settings": app_settings,
    "llm_settings": llm_settings,
    "stack_settings": stack_settings,
    "test_support": test_support,
    "verdicts": verdicts,
}


def filled(text: str) -> str:
    """The text with its generated parts renewed. KeyError names an unknown part."""

    def part(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- generated: {name} -->\n\n{PARTS[name]()}\n\n<!-- end of {name} -->"

    return BEGIN.sub(part, text)


def main() -> int:
    """Write, or check, every file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a file is stale")
    check = parser.parse_args().check
    stale = []
    for path in (ROOT / name for name in FILES):
        before = path.read_text(encoding="utf-8")
        after = filled(before)
        if before != after:
            stale.append(path.name)
            if not check:
                path.write_text(after, encoding="utf-8")
    if check and stale:
        print(f"stale: {', '.join(stale)}; run `.venv/bin/python -m scripts.docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
