"""Shares of events: 0 where no event was of the kind, no data only where there were no events at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import promql_parser
import pytest
from support.http_server import QuietHandler, http_server
from support.panels import DASHBOARDS, PanelQuery, load, of_dashboard, of_rules
from support.servers import PrometheusServer, prometheus, wait_for

from monitoring.queries import compared, nodes, parse, same, selectors
from monitoring.targets import read_rules

ALL = [asked for path in DASHBOARDS for asked in of_dashboard(load(path))] + list(of_rules(read_rules()))


def divisions(asked: PanelQuery) -> Iterator[promql_parser.BinaryExpr]:
    """Every part over its whole that selects counters' series."""
    for node in nodes(parse(asked.expr)):
        if isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "/":
            names = [selector.metric for selector in selectors(node.prettify())]
            if len(names) > 1 and all(name.endswith("_total") for name in names):
                yield node


SHARES = {division.prettify(): division for asked in ALL for division in divisions(asked)}


def inner(tree: promql_parser.Expr) -> promql_parser.Expr:
    while isinstance(tree, promql_parser.ParenExpr):
        tree = tree.expr
    return tree


@pytest.mark.parametrize("share", SHARES.values(), ids=SHARES)
def test_a_part_without_series_is_0_of_its_whole(share: promql_parser.BinaryExpr) -> None:
    """`(part or 0 * whole) / whole`, with one and the same whole."""
    part = inner(share.lhs)
    assert isinstance(part, promql_parser.BinaryExpr) and str(part.op) == "or", share.prettify()
    assert same(part.rhs.prettify(), f"0 * {share.rhs.prettify()}")


def test_shares_are_looked_for_where_they_are() -> None:
    """The alerts compare what the recording rules draw, so the boards' eleven and these three are all."""
    compares = [compared(rule.expr)[0] for rule in read_rules() if rule.is_alert]
    drawn = [share for share in SHARES if any(same(share, expr) for expr in compares)]
    assert len(drawn) == 3
    assert len(SHARES) - len(drawn) >= 11


WORLDS = {
    "templates alone": 'llm_calls_total{provider="template",status="fallback"}',
    "one provider that succeeds": 'llm_calls_total{provider="gemini",status="success"}',
    "no attempt": "other_total",
}
PAGE = """http_requests_total{{method="GET",endpoint="/",status_code="200"}} {0}
dialogue_sessions_total{{category="chair"}} {0}
user_journey_stage_total{{category="chair",stage="product_selection",action="enter"}} {0}
{1} {0}
"""


@contextmanager
def scraped(series: str) -> Iterator[PrometheusServer]:
    """A Prometheus that scrapes a page of counters each second; they grow with each scrape."""
    numbers = count(1)

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            text = PAGE.format(next(numbers), series)
            self.answer(200, text.encode(), Content_Type="text/plain; version=0.0.4")

    with http_server(Handler) as url:
        config = (
            "scrape_configs: [{job_name: page, scrape_interval: 1s, scrape_timeout: 1s, "
            f"static_configs: [{{targets: ['{url.removeprefix('http://')}']}}]}}]"
        )
        with prometheus(config) as asked:
            wait_for("two scrapes", lambda: asked.value("sum(rate(http_requests_total[5m]))"))
            yield asked


@pytest.mark.parametrize("world", WORLDS)
def test_prometheus_answers_0_where_the_whole_alone_has_series(world: str) -> None:
    """And nothing where the whole has none; every share of every board, rule and alert."""
    with scraped(WORLDS[world]) as asked:
        empty_parts = 0
        for share, tree in SHARES.items():
            part, whole = inner(tree.lhs).lhs.prettify(), tree.rhs.prettify()
            answers = [sample.value for sample in asked.query(share)]
            if not asked.query(whole):
                assert answers == [], share
            elif not asked.query(part):
                assert answers == [0.0], share
                empty_parts += 1
        assert empty_parts >= 5
