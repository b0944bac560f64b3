"""Strangers who know nothing but the address, and whoever holds one token or one id of others.

Two workers, dialogues in a real Redis, the metrics behind a token. Headers that are no token at all are in
tests/pipeline/test_metrics_access.py; where an id may not stand, in test_session_secret.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from attack.target import PRODUCT, AttackedService, target
from support.redis_server import redis_server

TOKEN = "attack-t0ken"
BEARER = f"Bearer {TOKEN}"
SHOPPER = "허리가 아플까 봐 걱정돼요"
GAUGE = re.compile(r'^active_evidence_gauge\{.*session_id="([^"]*)"', re.M)
GUARDED: list[tuple[str, str, dict[str, str]]] = [
    ("nothing", "/metrics", {}),
    ("a token in the query", f"/metrics?access_token={TOKEN}", {}),
    ("a token as a name", f"/metrics?name[]={TOKEN}", {}),
    ("a token in a cookie", "/metrics", {"cookie": f"Authorization={BEARER}"}),
    ("a token for a proxy", "/metrics", {"proxy-authorization": BEARER}),
    ("a token in another header", "/metrics", {"x-authorization": BEARER}),
    ("a forwarded token", "/metrics", {"x-forwarded-authorization": BEARER}),
    ("this machine, forwarded", "/metrics", {"x-forwarded-for": "127.0.0.1"}),
    ("this machine as the host", "/metrics", {"host": "localhost"}),
    ("another path, rewritten", "/metrics", {"x-original-url": "/healthz", "x-rewrite-url": "/healthz"}),
    ("a path of escapes", "/%6d%65trics", {}),
    ("a slash behind it", "/metrics/", {}),
    ("an escaped slash behind it", "/metrics%2f", {}),
    ("the token without its scheme", "/metrics", {"authorization": TOKEN}),
    ("the token twice", "/metrics", {"authorization": f"{BEARER} {TOKEN}"}),
    ("another case of the token", "/metrics", {"authorization": BEARER.upper()}),
    ("the start of the token", "/metrics", {"authorization": BEARER[:-1]}),
    ("a tab for the blank", "/metrics", {"authorization": f"Bearer\t{TOKEN}"}),
    ("quotes", "/metrics", {"authorization": f'Bearer "{TOKEN}"'}),
    ("a list", "/metrics", {"authorization": f"Basic a, {BEARER}"}),
    ("a long one", "/metrics", {"authorization": "Bearer " + "a" * 30_000}),
    ("what a CORS page may send", "/metrics", {"origin": "http://localhost:3000"}),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedService]:
    """One service for all rows; after them it is well, and no file or line holds the token."""
    folder = tmp_path_factory.mktemp("strangers")
    token_file = folder / "token"
    token_file.touch(0o600)
    token_file.write_text(TOKEN)
    env = {"TELEMETRY_METRICS_TOKEN_FILE": str(token_file)}
    headers = {"authorization": BEARER}
    with redis_server() as redis:
        env["REVIEWLENS_SESSION_STORE"] = redis.url
        with target(folder / "state", "--workers=2", headers=headers, **env) as service:
            yield service
            service.assert_well()
            assert service.wrote(TOKEN) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "QUERY"])
@pytest.mark.parametrize(("_by", "path", "headers"), GUARDED, ids=[row[0] for row in GUARDED])
def test_the_metrics_are_not_read_by(
    _by: str, path: str, headers: dict[str, str], method: str, service: AttackedService
) -> None:
    """401 in each method, with nothing of the page; and nothing is counted."""
    before = service.requests()
    answered = service.ask(method, path, headers=headers)
    assert answered.status_code == 401
    assert "_total" not in answered.text
    assert TOKEN not in str(answered.headers) + answered.text
    assert service.requests() == before


def guesses(shopper: str, label: str) -> dict[str, str]:
    """What a stranger may try who has read the label, or half of the id."""
    return {
        "the label": label,
        "the label in capitals": label.upper(),
        "the label, filled up": label.ljust(32, "0"),
        "the whole digest": hashlib.sha256(shopper.encode()).hexdigest(),
        "the id in capitals": shopper.upper(),
        "the id but its last digit": shopper[:-1],
        "the id and one digit more": shopper + "0",
        "the id with dashes": str(UUID(shopper)),
        "the id and a NUL": shopper + "%00",
        "the id and a blank": shopper + "%20",
        "the id and a line": shopper + "%0a",
        "a blank and the id": "%20" + shopper,
        "a pattern": "*",
        "a pattern of its start": shopper[:8] + "*",
        "a key of the store": "reviewlens:session:" + shopper,
        "a piece of SQL": "'%20OR%20'1'='1",
        "a joker of SQL": "%25",
        "the id in wide digits": "".join(
            f"%EF%BC%{0x90 + int(c):02X}" if c.isdigit() else c for c in shopper
        ),
    }


NAMES = list(guesses("0" * 32, "0" * 16))


@pytest.mark.parametrize("name", NAMES)
def test_a_dialogue_is_not_had_by(name: str, service: AttackedService) -> None:
    """It is neither read, answered nor ended by a guess, and goes on to its verdict: no number is another."""
    shopper = service.begin()
    service.answer(shopper, SHOPPER).raise_for_status()
    digest = hashlib.sha256(shopper.encode()).hexdigest()[:16]
    page = service.page()
    assert digest in GAUGE.findall(page)
    assert shopper not in page
    counts = ("dialogue_turns_total", "dialogue_completions_total", "session_abandoned_total")
    before = [service.total(one) for one in counts]
    path = f"/api/sessions/{guesses(shopper, digest)[name]}"
    answers = [
        service.ask("GET", path),
        service.ask("POST", f"{path}/turns", json={"answer": "a stranger's"}),
        service.ask("DELETE", path),
        service.ask("DELETE", f"{path}?reason=timeout"),
    ]
    assert [one.status_code for one in answers] == [404] * 4
    assert not [one.text for one in answers if SHOPPER in one.text or shopper in one.text]
    turns = 0
    while service.ask("GET", f"/api/sessions/{shopper}").json()["status"] != "complete":
        service.answer(shopper, SHOPPER).raise_for_status()
        turns += 1
    assert turns >= 2
    assert [service.total(one) for one in counts] == [before[0] + turns, before[1] + 1, before[2]]
    assert service.wrote(shopper) == []


def test_ids_are_not_to_be_guessed(service: AttackedService) -> None:
    """128 random bits each, of a random UUID's form; no two begin or end alike."""
    ids = [service.begin() for _ in range(20)]
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", one) for one in ids)
    assert len({one[:8] for one in ids}) == len({one[-8:] for one in ids}) == len(ids)
    for one in ids:
        assert service.ask("DELETE", f"/api/sessions/{one}").status_code == 204


@pytest.mark.parametrize(
    "origin", ["http://evil.test", "null", "http://localhost:3000.evil.test", "http://localhost"]
)
def test_a_page_of_another_site_reads_nothing(origin: str, service: AttackedService) -> None:
    """Its browser is told of no origin but the service's own."""
    asked = {"origin": origin, "access-control-request-method": "POST"}
    for answered in (
        service.ask("OPTIONS", "/api/sessions", headers=asked),
        service.ask("GET", "/api/products", headers=asked),
        service.ask("GET", f"/api/products/{PRODUCT}", headers=asked),
    ):
        assert isinstance(answered, httpx.Response)
        assert "access-control-allow-origin" not in answered.headers
