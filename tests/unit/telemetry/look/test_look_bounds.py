"""What a page may ask: every parameter is known, can be read, and asks for no more than the bounds."""

from __future__ import annotations

import pytest

from telemetry.look.bounds import POINTS, RANGE_SECONDS, SECONDS, SERIES, bounded, parameters
from telemetry.look.refusals import RefusedError

NOW = 1_700_000_000.0
TIMEOUT = ("timeout", f"{SECONDS}s")


def asked(path: str, **given: str) -> list[tuple[str, str]]:
    return bounded(path, [(name.replace("match", "match[]"), value) for name, value in given.items()], NOW)


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("query", {"query": "up", "time": "5"}, [("query", "up"), ("time", "5"), TIMEOUT]),
        (
            "query_range",
            {"query": "up", "start": "0", "end": "60", "step": "15s"},
            [("query", "up"), ("start", "0"), ("end", "60"), ("step", "15s"), TIMEOUT],
        ),
        ("alerts", {}, []),
        (
            "series",
            {"match": "up", "start": "10", "end": "20"},
            [("match[]", "up"), ("start", "10.0"), ("end", "20.0"), ("limit", str(SERIES))],
        ),
        (
            "labels",
            {"limit": "7"},
            [("start", str(NOW - RANGE_SECONDS)), ("end", str(NOW)), ("limit", "7")],
        ),
        (
            "label/job/values",
            {"limit": "0", "start": "1970-01-01T00:00:10Z", "end": "1970-01-01T09:00:20+09:00"},
            [("start", "10.0"), ("end", "20.0"), ("limit", str(SERIES))],
        ),
        (
            "query_exemplars",
            {"query": "x", "start": "1", "end": "2"},
            [("query", "x"), ("start", "1.0"), ("end", "2.0")],
        ),
    ],
)
def test_a_question_within_the_bounds_goes_on(
    path: str, given: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    """With a time-out, and with a range and a limit where Prometheus would go through all it has."""
    assert asked(path, **given) == expected


def test_the_last_of_a_parameter_counts() -> None:
    """Prometheus must not read another one than was checked."""
    pairs = [("query", "up"), ("start", "0"), ("start", "50"), ("end", "60"), ("step", "1")]
    assert bounded("query_range", pairs) == [
        ("query", "up"), ("start", "50"), ("end", "60"), ("step", "1"), TIMEOUT,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "given", "status", "kind"),
    [
        ("query", {"query": "up", "stats": "all"}, 400, "bad_data"),
        ("query", {"timeout": "1h"}, 400, "bad_data"),
        ("alerts", {"state": "x"}, 400, "bad_data"),
        ("query_range", {"start": "0", "end": str(RANGE_SECONDS + 1), "step": "3600"}, 422, "limit"),
        ("query_range", {"start": "0", "end": str(POINTS + 1), "step": "1"}, 422, "limit"),
        ("query_range", {"start": "0", "end": "1e308", "step": "1e300"}, 422, "limit"),
        ("query_range", {"start": "0", "end": "60", "step": "0"}, 400, "bad_data"),
        ("query_range", {"start": "0", "end": "60", "step": "-1"}, 400, "bad_data"),
        ("query_range", {"start": "0", "end": "60", "step": "nan"}, 400, "bad_data"),
        ("query_range", {"start": "0", "end": "60", "step": "inf"}, 400, "bad_data"),
        ("query_range", {"start": "0", "end": "60", "step": "1s1h"}, 400, "bad_data"),
        ("query_range", {"start": "0", "end": "60"}, 400, "bad_data"),
        ("query_range", {"start": "nan", "end": "60", "step": "1"}, 400, "bad_data"),
        ("query_range", {"start": "-inf", "end": "60", "step": "1"}, 400, "bad_data"),
        ("query_range", {"start": "yesterday", "end": "60", "step": "1"}, 400, "bad_data"),
        ("query_range", {"start": "2026-01-01T00:00:00", "end": "60", "step": "1"}, 400, "bad_data"),
        ("series", {"match": "up", "start": "0"}, 422, "limit"),
        ("query_exemplars", {"query": "x", "start": "0", "end": "1e12"}, 422, "limit"),
        ("labels", {"limit": "-1"}, 400, "bad_data"),
        ("labels", {"limit": "lots"}, 400, "bad_data"),
    ],
)
def test_a_question_beyond_them_is_refused(path: str, given: dict[str, str], status: int, kind: str) -> None:
    """With the status and the kind that a page tells apart."""
    with pytest.raises(RefusedError) as refused:
        asked(path, **given)
    assert (refused.value.status, refused.value.kind) == (status, kind)


def test_a_limit_is_never_above_ours() -> None:
    """However large, however many digits."""
    for text in (str(SERIES + 1), "9" * 400):
        assert ("limit", str(SERIES)) in asked("labels", limit=text)


@pytest.mark.parametrize(
    "path",
    [
        "", "admin/tsdb/delete_series", "write", "read", "status/config", "targets/metadata", "format_query",
        "query/", "Query", "query_range/../admin", "label/../values", "label/a/b/values", "label//values",
        "label/job/values/", "label/job%2f../values", "label/é/values", "otlp/v1/metrics",
        "label/job\n/values",
    ],
)  # fmt: skip
def test_all_else_is_no_path(path: str) -> None:
    """What changes or tells of the server is not among the paths."""
    assert parameters(path) is None
