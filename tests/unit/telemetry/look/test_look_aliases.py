"""No address is left in what is handed to others, and equal ones stay equal."""

from __future__ import annotations

import pytest

from telemetry.look.aliases import Aliases


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://localhost:9090", "address-1"),
        ("see https://a.example/b?c=d#e.", "see address-1"),
        ("[x](http://h/p)", "[x](address-1)"),
        ("//cdn.example/x", "address-1"),
        ("postgres://u:p@db/x", "address-1"),
        ("dial tcp 10.0.0.1:80: refused", "dial tcp address-1: refused"),
        ("[fe80::1]:90", "address-1"),
        ('up{instance="localhost:8000"}', 'up{instance="address-1"}'),
        ("rate(x[5m:30s]) / y", "rate(x[5m:30s]) / y"),
        ("job:http:rate5m", "job:http:rate5m"),
        ("12:30", "12:30"),
        ("v1.2.3", "v1.2.3"),
    ],
)
def test_an_address_in_a_text_is_a_word(text: str, expected: str) -> None:
    """Whatever is none stays."""
    assert Aliases().hide(text) == expected


def test_a_machine_in_an_answer_is_the_same_word_everywhere() -> None:
    """So that series which were told apart still are."""
    aliases = Aliases()
    answer = {
        "result": [
            {"metric": {"instance": "api-0", "job": "a:b"}, "value": [1, "2"]},
            {"metric": {"instance": "api:8000", "target": "db.internal:5432"}, "value": [1, "3"]},
        ],
        "data": ["api:8000", "12:30"],
    }
    assert aliases.hide(answer, is_answer=True) == {
        "result": [
            {"metric": {"instance": "address-1", "job": "a:b"}, "value": [1, "2"]},
            {"metric": {"instance": "address-2", "target": "address-3"}, "value": [1, "3"]},
        ],
        "data": ["address-2", "12:30"],
    }
    assert aliases.hide("http://x/") == "address-4"
