"""Access lines and JSON logs."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest

from telemetry import logs


@pytest.fixture
def stream() -> Iterator[tuple[logging.Logger, io.StringIO, logging.Handler]]:
    """A logger of the test's own that writes into memory."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logger = logging.getLogger("test.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger, out, handler
    logger.removeHandler(handler)


Stream = tuple[logging.Logger, io.StringIO, logging.Handler]


def test_the_text_is_exactly_the_specifications(stream: Stream) -> None:
    """`{method} {endpoint} - {status_code} - {duration:.3f}s`."""
    logger, out, _ = stream
    logs.access(logger, "GET", "/api/products/{product_id}", 200, 0.01251, "")
    assert out.getvalue() == "GET /api/products/{product_id} - 200 - 0.013s\n"


def test_a_trace_id_follows_where_there_is_one(stream: Stream) -> None:
    """At the end of the line, so that the rest stays as it is."""
    logger, out, _ = stream
    logs.access(logger, "GET", "/a", 404, 1.0, "4bf92f3577b34da6a3ce929d0e0e4736")
    assert out.getvalue() == "GET /a - 404 - 1.000s trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n"


def test_json_has_the_fields_beside_the_line(stream: Stream) -> None:
    """Numbers are numbers; the time is UTC with milliseconds."""
    logger, out, handler = stream
    handler.setFormatter(logs.JsonFormatter())
    logs.access(logger, "POST", "/api/sessions", 201, 0.25, "abc")
    line = json.loads(out.getvalue())
    assert line.pop("time")[10] == "T"
    assert line == {
        "level": "INFO",
        "logger": "test.access",
        "message": "POST /api/sessions - 201 - 0.250s trace_id=abc",
        "method": "POST",
        "endpoint": "/api/sessions",
        "status_code": 201,
        "duration": 0.25,
        "trace_id": "abc",
    }


def test_json_is_one_line_with_the_traceback_in_it(stream: Stream) -> None:
    """Line breaks, Korean text and an exception do not break the line."""
    logger, out, handler = stream
    handler.setFormatter(logs.JsonFormatter())
    try:
        raise ValueError("소음")
    except ValueError:
        logger.exception("first\nsecond %s", "세션", extra={"session_id": "s1", "odd": {1}})
    text = out.getvalue()
    assert text.count("\n") == 1
    line = json.loads(text)
    assert line["message"] == "first\nsecond 세션"
    assert line["exception"].endswith("ValueError: 소음")
    assert (line["session_id"], line["odd"]) == ("s1", "{1}")
    assert "소음" in text


def record_at(created: float) -> logging.LogRecord:
    record = logging.LogRecord("test", logging.INFO, "", 0, "a %s", ("b",), None)
    record.created, record.msecs = created, created % 1 * 1000
    return record


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone whose clock goes forward in spring, and back in autumn."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


AUTUMN = 1_698_541_200.0  # 2023-10-29T01:00:00Z


@pytest.mark.usefixtures("berlin")
def test_the_time_of_day_is_what_logging_says() -> None:
    """To the millisecond, with seconds that come again, go back, and change with the zone's own clock."""
    ours, theirs = logs.TextFormatter(), logging.Formatter(logs.TEXT)
    told = []
    moments = (0.0, 1_700_000_000.0, 1_700_000_000.9996, 1_700_000_001.5, 1_700_000_000.25, 1.9)
    for created in (*moments, AUTUMN - 0.5, AUTUMN):
        told.append(ours.format(record_at(created)))
        assert told[-1] == theirs.format(record_at(created))
    assert [line[11:23] for line in told[-2:]] == ["02:59:59,500", "02:00:00,000"]


def test_the_time_in_json_is_utc() -> None:
    """One formatter tells the second anew when it has passed."""
    formatter = logs.JsonFormatter()
    moments = (0.0, 0.25, 1_700_000_000.9996, 0.5)
    told = [json.loads(formatter.format(record_at(moment)))["time"] for moment in moments]
    assert told == [
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00.250Z",
        "2023-11-14T22:13:20.999Z",
        "1970-01-01T00:00:00.500Z",
    ]


def test_an_access_line_says_where_it_was_written(stream: Stream) -> None:
    """For formats that show it, and what filters by name looks at."""
    logger, _, handler = stream
    handler.setFormatter(logging.Formatter("%(filename)s %(funcName)s %(levelname)s %(name)s"))
    logs.access(logger, "GET", "/a", 200, 0.1, "")
    assert stream[1].getvalue() == "logs.py access INFO test.access\n"


def test_no_line_is_made_when_nobody_listens(stream: Stream) -> None:
    """At WARNING an access line costs nothing."""
    logger, out, _ = stream
    logger.setLevel(logging.WARNING)
    logs.access(logger, "GET", "/a", 200, 0.1, "")
    assert out.getvalue() == ""


def test_configure_silences_uvicorns_access_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours says the same; two lines per request are one too many."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = root.handlers[:], root.level, access.handlers[:], access.propagate
    try:
        access.addHandler(logging.StreamHandler())
        logs.configure("json")
        access.info("GET / 200")
        logging.getLogger("telemetry.access").info("ours")
        written = capsys.readouterr().err
    finally:
        root.handlers[:], access.handlers[:], access.propagate = before[0], before[2], before[3]
        root.setLevel(before[1])
    assert [json.loads(line)["message"] for line in written.splitlines()] == ["ours"]


def test_what_clients_can_cause_at_will_is_one_line_a_spell(stream: Stream) -> None:
    """A spell ends with a minute without any; other lines are as ever."""
    logger, out, handler = stream
    now = [0.0]
    handler.addFilter(logs.OncePerSpell(lambda: now[0]))

    def flood() -> None:
        for number in range(100):
            logger.warning("Invalid HTTP request %d received.", number)
            try:
                raise OSError(24, "Too many open files")
            except OSError:
                logger.exception("socket.accept() out of system resource\nsocket: %d", number)

    flood()
    now[0] = 59.0
    flood()
    logger.info("Shutting down")
    logger.info("Shutting down")
    now[0] = 119.0
    flood()
    spell = [
        "Invalid HTTP request 0 received.",
        "socket.accept() out of system resource: [Errno 24] Too many open files",
    ]
    assert out.getvalue().splitlines() == [*spell, "Shutting down", "Shutting down", *spell]
