"""The parts of the soak: when what is done, what looks on, what a client writes down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from support.live import serving

from scripts.stack.errors import UnavailableError
from soak import programs
from soak.__main__ import LEAST, MOST, _only_ours, main
from soak.account import Account, Span
from soak.client import AccountedClient
from soak.disk import Disk, NoDiskError
from soak.disturbances import SLOT_SECONDS, schedule
from soak.programs import SoakService
from soak.run import SetUpError, soak
from soak.settle import differences, label_sets
from soak.watch import Watch, parsed, requests

PAGE = """# TYPE http_requests_total counter
http_requests_total{method="GET",endpoint="/api/products",status_code="200"} 7
http_requests_total{method="GET",endpoint="/readyz",status_code="200"} 90
# TYPE scoring_duration_seconds histogram
scoring_duration_seconds_bucket{category="chair",le="0.5"} 2
scoring_duration_seconds_bucket{category="chair",le="+Inf"} 3
scoring_duration_seconds_sum{category="chair"} 1.5
scoring_duration_seconds_count{category="chair"} 3
# TYPE active_evidence_gauge gauge
active_evidence_gauge{category="chair",session_id="a"} 3
"""


@pytest.mark.parametrize("seconds", [LEAST, 25, 60, 180, 3600])
def test_a_schedule_has_a_round_at_least_and_ends_in_time(seconds: int) -> None:
    times = schedule(seconds, 5)
    gaps = [after - before for before, after in pairwise(times)]
    assert len(times) >= 5
    assert times[0] >= 2
    assert times[-1] < seconds
    assert min(gaps) >= SLOT_SECONDS[0] - 1e-9
    assert max(gaps) <= SLOT_SECONDS[1] + 1e-9


def test_a_longer_run_repeats_the_round() -> None:
    assert len(schedule(180, 5)) == 20


@pytest.mark.parametrize("value", ["0", "19", "90000", "-5", "1.5", "a minute", "٦٠", ""])
def test_a_bad_value_is_named_with_what_is_expected(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--seconds={value}"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"argument --seconds: {value!r}: expected whole seconds, {LEAST} to {MOST}, such as 60" in said


def test_help_teaches_what_it_does_and_every_law(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for word in ("make soak [SECONDS=60]", "Exit codes: 0", "a worker killed", "never-fell", "workers-alike"):
        assert word in said


@pytest.mark.server
def test_a_program_that_cannot_be_had_keeps_it_from_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> Path:
        raise UnavailableError("otelcol could not be had. Put it on PATH")

    monkeypatch.setattr(programs, "obtain", unavailable)
    with pytest.raises(SetUpError, match="otelcol could not be had"):
        soak(20, 2, lambda _: None)


def test_settings_of_the_user_are_not_for_the_run() -> None:
    environ = {
        "OTEL_SDK_DISABLED": "true",
        "REVIEWLENS_PORT": "1",
        "REVIEWLENS_DOWNLOAD_BASE": "http://mirror",
        "PATH": "/bin",
    }
    _only_ours(environ)
    local = "127.0.0.1,localhost"
    expected = {"REVIEWLENS_DOWNLOAD_BASE": "http://mirror", "PATH": "/bin"}
    assert environ == {**expected, "NO_PROXY": local, "no_proxy": local}


def test_without_root_there_is_no_small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoDiskError, match="small disk"):
        Disk(tmp_path / "disk").mount()


def test_a_page_gives_what_rises_and_the_crowds_requests() -> None:
    """Gauges fall as they like, and health checks are nobody's of the crowd."""
    found = parsed(PAGE)
    assert len(found) == 6
    assert requests(found) == 7
    assert label_sets(parsed(PAGE, ("histogram", "gauge"))) == {
        "scoring_duration_seconds": 1,
        "active_evidence_gauge": 1,
    }


def test_a_series_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        parsed(PAGE.replace("/readyz", "/api/products"))


@pytest.mark.server
def test_what_falls_or_goes_between_two_pages_is_told() -> None:
    """Also where it comes back later: compared is with the most that was seen."""
    watch = Watch(SoakService(2, Path(), "", ""), Account())
    watch.sees(parsed(PAGE))
    watch.sees(parsed(PAGE.replace("} 90", "} 89")))
    watch.sees(parsed(PAGE.replace("} 90", "} 90.5")))
    watch.sees(parsed(PAGE))
    watch.sees(parsed(PAGE.partition("# TYPE scoring")[0].replace("} 90", "} 91")))
    fell = [line for line in watch.fell if "requests" in line]
    assert [line.partition(" fell ")[2] for line in fell] == ["from 90 to 89", "from 90.5 to 90"]
    assert [line for line in watch.fell if line.startswith("scoring_duration_seconds_sum")] == [
        'scoring_duration_seconds_sum{category="chair"} fell from 1.5 to None'
    ]


def test_two_pages_differ_by_value_and_by_what_is_there() -> None:
    one = parsed(PAGE)
    other = {**one}
    key = next(key for key in one if key[0].endswith("_sum"))
    other[key] += 1e-12
    assert differences(one, other, 1e-9) == ()
    assert differences(one, other, 0.0) == (
        'scoring_duration_seconds_sum{category="chair"}: 1.5 and 1.500000000001',
    )
    del other[key]
    assert differences(one, other, 1e-9) == ('scoring_duration_seconds_sum{category="chair"}: 1.5 and None',)


def test_a_span_is_within_a_window_by_any_part_of_it() -> None:
    window = [Span(10, 12, "away")]
    assert Span(0, 10, "").within(window, 1)
    assert Span(13, 20, "").within(window, 1)
    assert not Span(13.5, 20, "").within(window, 1)
    assert not Span(0, 9, "").within(window, 1)


def test_a_request_is_answered_broken_or_left_and_no_fourth() -> None:
    """A real server that answers, streams, and breaks off."""
    app = FastAPI()

    @app.get("/whole")
    async def whole() -> str:
        return "all of it"

    @app.get("/stream")
    async def stream(breaks: bool = False) -> StreamingResponse:
        async def words() -> AsyncIterator[str]:
            yield "first\n"
            if breaks:
                raise RuntimeError("amid the answer")
            for _ in range(1000):
                yield "more\n"
                await asyncio.sleep(0.01)

        return StreamingResponse(words())

    account = Account()

    async def visit(url: str) -> None:
        async with AccountedClient(url, account) as http:
            await http.get("/whole")
            await http.get("/nowhere")
            async with http.reading("GET", "/stream") as response:
                async for _ in response.aiter_lines():
                    break
            async with http.reading("GET", "/whole") as response:
                await response.aread()
            with pytest.raises(httpx.HTTPError):
                await http.get("/stream", params={"breaks": "true"})
            with pytest.raises(httpx.HTTPError):
                async with http.reading("GET", "/stream?breaks=true") as response:
                    await response.aread()

    with serving(app) as url:
        asyncio.run(visit(url))
    assert dict(account.answered) == {200: 2, 404: 1}
    assert (account.whole, len(account.left), len(account.broken), account.sent) == (3, 1, 2, 6)
