"""docs/how-to/workers.md shows each server that the tests run, and no other."""

from __future__ import annotations

from support.servers import ROOT
from support.servers_table import SERVERS


def test_the_page_has_the_table_of_the_tests() -> None:
    page = (ROOT / "docs" / "how-to" / "workers.md").read_text(encoding="utf-8")
    rows = [
        f"| {name} | `{row.command.format(port=8000)}` | {row.processes} |" for name, row in SERVERS.items()
    ]
    assert [line for line in page.splitlines() if line.startswith("| ")][1:] == rows
