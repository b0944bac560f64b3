"""The text of many series: others have their turn meanwhile, and nothing breaks it."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.scrape.pauses import SECONDS
from telemetry.scrape.sums_of_cells import Series
from telemetry.scrape.text import AT_ONCE, Text
from telemetry.store.key import InstrumentKey, scope_of, text_of

SCOPE = scope_of(InstrumentationScope("reviewlens"))
TEA = InstrumentKey(SCOPE, "tea_total", "{cup}", "cups")
POUR = InstrumentKey(SCOPE, "pour_seconds", "s", 'a "pour"\\\nof tea', (0.5,))


def rendered(text: Text, series: list[Series], sums: list[float], **kwargs: Any) -> str:
    return b"".join(text.render(series, sums, kwargs.get("exemplars"))).decode()


def test_others_have_their_turn_now_and_then() -> None:
    """Once when the series are first seen, once when they are written; and each time a piece is done."""
    rests: list[float] = []
    text, many = Text(rests.append), 4 * AT_ONCE
    series = [Series(TEA, text_of({"a": str(at)}), at) for at in range(many)]
    pieces = text.render(series, [1.0] * many, None)
    assert rests == [SECONDS] * 8
    assert len(pieces) == 5
    assert b"".join(pieces).count(b"\n") == many + 2
    text.render(series, [1.0] * many, None)
    assert len(rests) == 12


def test_what_comes_later_stands_in_its_family() -> None:
    text = Text()
    series = [Series(TEA, text_of({"a": "1"}), 0), Series(POUR, text_of({}), 1)]
    rendered(text, series, [1.0] * 4)
    series.append(Series(TEA, text_of({"a": "2"}), 4))
    assert rendered(text, series, [1.0, 2.0, 3.0, 0.75, 5.0]) == (
        "# HELP tea_total cups\n"
        "# TYPE tea_total counter\n"
        'tea_total{a="1"} 1.0\n'
        'tea_total{a="2"} 5.0\n'
        '# HELP pour_seconds a "pour"\\\\\\nof tea\n'
        "# TYPE pour_seconds histogram\n"
        'pour_seconds_bucket{le="0.5"} 2.0\n'
        'pour_seconds_bucket{le="+Inf"} 5.0\n'
        "pour_seconds_count 5.0\n"
        "pour_seconds_sum 0.75\n"
    )


def test_a_text_that_is_no_unicode_spoils_no_scrape() -> None:
    """A lone surrogate cannot be written as UTF-8; the official exporter fails for ever once it has one."""
    series = [Series(TEA, text_of({"a": "\ud800"}), 0), Series(TEA, text_of({"a": "b"}), 1)]
    assert rendered(Text(), series, [1.0, 2.0]).splitlines()[2:] == [
        'tea_total{a="?"} 1.0',
        'tea_total{a="b"} 2.0',
    ]
