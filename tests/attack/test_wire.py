"""Requests that no honest client sends, on the wire of `reviewlens serve`.

Behind each goes an ordinary request on the same connection. It is answered as the next one, or not at all:
a server that takes part of one request for another lets a client speak in somebody else's name. What
tests/pipeline/test_fuzz_bodies.py and test_serving_limits.py send is not sent here again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from attack.target import AttackedService, target
from support.servers import wait_for

BODY = b'{"product_id":"chair"}'
NEXT = b"GET /healthz HTTP/1.1\r\nhost: next\r\nconnection: close\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked"
WHOLE = b"16\r\n" + BODY + b"\r\n0\r\n\r\n"
STARTED = ("POST", "/api/sessions", "201")


def get(path: bytes, *headers: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    """A request without a body."""
    return b"\r\n".join((method + b" " + path + b" " + version, b"host: a", *headers, b"", b""))


def post(*headers: bytes, body: bytes = BODY, version: bytes = b"HTTP/1.1") -> bytes:
    """A dialogue's start."""
    head = (b"content-type: application/json", *headers)
    return get(b"/api/sessions", *head, method=b"POST", version=version) + body


class Row(NamedTuple):
    """A fact, the bytes sent before NEXT, the statuses of all answers, and what is counted without NEXT."""

    fact: str
    sent: bytes
    statuses: list[int]
    counted: dict[tuple[str, str, str], int]


def refused(fact: str, sent: bytes) -> Row:
    """It reaches no application, and the connection ends with it."""
    return Row(fact, sent, [400], {})


def taken(fact: str, sent: bytes, status: int, method: str, endpoint: str) -> Row:
    """It is one request, and NEXT is the next."""
    return Row(fact, sent, [status, 200], {(method, endpoint, str(status)): 1})


def started(fact: str, sent: bytes) -> Row:
    """It is one dialogue's start."""
    return taken(fact, sent, 201, "POST", "/api/sessions")


def missed(fact: str, path: bytes) -> Row:
    """It is no path of the service's."""
    return taken(fact, get(path), 404, "GET", "(unmatched)")


LENGTHS = [
    started("one length said twice is one length", post(*[b"content-length: 22"] * 2)),
    started("one length in a list is one length", post(b"content-length: 22, 22")),
    started("chunked in any letters is chunked", post(b"Transfer-Encoding: ChUnKeD", body=WHOLE)),
    started("a folded line is one header", post(b"x: a\r\n " + CHUNKED, b"content-length: 22")),
    started("a folded value is one value", post(b"transfer-encoding:\r\n chunked", body=WHOLE)),
    started(
        "an extension of a chunk is not its data", post(CHUNKED, body=WHOLE.replace(b"16", b'16;a="b"', 1))
    ),
    started("a trailer changes no length", post(CHUNKED, body=WHOLE[:-2] + b"content-length: 5\r\n\r\n")),
    Row(
        "chunks in HTTP/1.0 end the connection",
        post(CHUNKED, body=WHOLE, version=b"HTTP/1.0"),
        [201],
        {STARTED: 1},
    ),
    *(
        refused(f"a length of {value.decode('latin-1')!r} is none", post(b"content-length: " + value))
        for value in (
            b"22, 23",
            b"+22",
            b"0x16",
            b"2_2",
            b"22 ;",
            b"",
            "٢٢".encode(),
            b"2 2",
            b"22.0",
            b"1e1",
        )
    ),
    refused("two lengths are refused", post(b"content-length: 22", b"content-length: 2")),
    *(
        refused(f"an encoding {value!r} is refused", post(b"transfer-encoding: " + value, body=WHOLE))
        for value in (
            b"xchunked",
            b"chunked, identity",
            b"gzip, chunked",
            b"\x0bchunked",
            b"chunked\x00",
            b'"chunked"',
        )
    ),
    refused("two encodings are refused", post(CHUNKED, CHUNKED, body=WHOLE)),
    refused("a blank before a colon is refused", post(b"transfer-encoding : chunked", body=WHOLE)),
    refused("a header without a name is refused", get(b"/healthz", b": a")),
    refused("a header without a colon is refused", get(b"/healthz", b"a")),
    refused("a CR alone ends no header", get(b"/healthz", b"x: a\rcontent-length: 5")),
    refused("a NUL is in no header", get(b"/healthz", b"x: a\0b")),
    refused("20,000 headers are refused", get(b"/healthz", *(b"x%d: a" % n for n in range(20_000)))),
    refused("two hosts are refused", get(b"/healthz", b"host: b")),
]
CHUNKS = [
    Row(
        f"a chunk of {size[:40]!r} is refused",
        post(CHUNKED, body=size + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
        [400],
        {("POST", "/api/sessions", "400"): 1},  # by the server, and the application sees a client that left
    )
    for size in (b"0x16", b"-16", b"+16", b"", b"1_6", b"F" * 21, b"16;" + b"a" * 200_000, b"16\n")
]
PATHS = [
    *(
        missed(f"{path[:40].decode('latin-1')} is nothing", path)
        for path in (
            b"/%2e%2e/%2e%2e/etc/passwd",
            b"/../etc/passwd",
            b"//evil.test/",
            b"//metrics",
            b"/./metrics",
            b"/metrics;a",
            b"/metrics%00",
            b"/METRICS",
            b"/%c0%af%c0%ae",
            b"/api//sessions/a",
            b"/\\evil.test",
            b"/api/sessions/a%2fturns/..",
            b"http://169.254.169.254/latest",
            b"/.git/config",
            b"/.env",
        )
    ),
    *(
        taken(
            f"{path[20:60].decode()} is no file of the docs",
            get(path),
            404,
            "GET",
            "/static-offline-docs/{path}",
        )
        for path in (
            b"/static-offline-docs//etc/passwd",
            b"/static-offline-docs/%2fetc%2fpasswd",
            b"/static-offline-docs/%2e%2e%2f__init__.py",
            b"/static-offline-docs/%00",
            b"/static-offline-docs/%2e%2e/%2e%2e/__init__.py",
            b"/static-offline-docs/" + b"a" * 5_000,
        )
    ),
]
METHODS = [
    taken(
        "an unknown method is one label", get(b"/healthz", method=b"A" * 60_000), 405, "(other)", "/healthz"
    ),
    taken("TRACE shows nothing", get(b"/healthz", b"cookie: s", method=b"TRACE"), 405, "TRACE", "/healthz"),
    taken(
        "no header changes a method",
        get(b"/api/sessions/a", b"x-http-method-override: DELETE", b"content-length: 0", method=b"POST"),
        405,
        "POST",
        "/api/sessions/{session_id}",
    ),
    taken(
        "an Upgrade is no tunnel",
        get(b"/healthz", b"connection: upgrade", b"upgrade: h2c", b"http2-settings: AAMAAABkAAQAAP__"),
        200,
        "GET",
        "/healthz",
    ),
    taken(
        "the path is not another header's to say",
        get(b"/none", b"x-original-url: /healthz"),
        404,
        "GET",
        "(unmatched)",
    ),
]
TWICE = b'{"product_id":"chair","product_id":"nope"}'
BYTES = b"1\r\na\r\n" * 70_000 + b"0\r\n\r\n"
GZIP = b"\x1f\x8b" + b"\0" * 18
BODIES = [
    taken(fact, sent, status, "POST", "/api/sessions")
    for fact, sent, status in (
        ("the last of two keys counts", post(b"content-length: 42", body=TWICE), 404),
        ("70,000 chunks of a byte are too many", post(CHUNKED, body=BYTES), 413),
        (
            "a compressed body is not unpacked",
            post(b"content-encoding: gzip", b"content-length: 20", body=GZIP),
            400,
        ),
    )
]
ROWS = [*LENGTHS, *CHUNKS, *PATHS, *METHODS, *BODIES]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedService]:
    """One service for all rows; it is well after them."""
    with target(tmp_path_factory.mktemp("wire")) as service:
        yield service
        service.assert_well()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fact)
def test_a_request_is_one_request_or_none(row: Row, service: AttackedService) -> None:
    """Its answer, that of the request behind it, and the counts of both."""
    before = service.requests()
    statuses, _ = service.exchange(row.sent + NEXT)
    assert statuses == row.statuses
    followed = {("GET", "/healthz", "200"): 1} if len(statuses) == 2 else {}
    expected = Counter(row.counted) + Counter(followed)
    wait_for(f"{expected}", lambda: service.requests() - before == expected)


REDIRECTS = [
    (b"/docs/", b"host: evil.test", b"/docs"),
    (b"/docs/", b"x-forwarded-host: evil.test", b"/docs"),
    (b"/docs/", b"x-forwarded-proto: javascript", b"/docs"),
    (b"/api/products/?a=%0d%0aset-cookie:x", b"x: a", b"/api/products?a=%0d%0aset-cookie:x"),
    (b"/docs/?//evil.test", b"x: a", b"/docs?//evil.test"),
]


@pytest.mark.parametrize(("path", "header", "location"), REDIRECTS, ids=str)
def test_a_redirect_stays_here(path: bytes, header: bytes, location: bytes, service: AttackedService) -> None:
    """Whatever the head says about hosts."""
    host = b"" if header.startswith(b"host") else b"host: a\r\n"
    head = b"GET " + path + b" HTTP/1.1\r\n" + host + header + b"\r\nconnection: close\r\n\r\n"
    statuses, answered = service.exchange(head)
    assert statuses == [307]
    assert b"\r\nlocation: " + location + b"\r\n" in answered
    assert b"\r\nset-cookie" not in answered


SCRAPES = [
    get(b"/metrics", b"accept: " + b",".join(b"a/b;q=0.%d" % n for n in range(4_000))),
    get(b"/metrics", b'accept: text/plain;q=nan;q=-1;version="', b"accept-encoding: gzip;q=1e309, *;q="),
    get(b"/metrics", b"accept: " + b"*/*;q=1e999," * 1_000),
    get(b"/metrics", b"accept: application/openmetrics-text;version=" + b"9" * 10_000),
    get(b"/metrics", b'accept: text/plain;version=1.0.0;escaping="' + b"\xff" * 100 + b'"'),
    get(b"/metrics?" + b"&".join(b"name[]=x%d" % n for n in range(4_000))),
    get(b"/metrics?" + b"&" * 40_000),
    get(b"/metrics?name[]=%ff%00%0a&name%5b%5d=.*&name[]"),
    get(b"/metrics?name[]=" + b"%" * 30_000),
    get(b"/metrics?name[]=http_requests_total%7Bmethod%3D%22GET%22%7D"),
    get(b"/%6detrics/"),
    get(b"/metrics%2f"),
]


@pytest.mark.parametrize("sent", SCRAPES, ids=lambda sent: str(sent[:50]))
def test_no_scrape_breaks_the_page(sent: bytes, service: AttackedService) -> None:
    """Each is answered by a page, counts nothing, and the request behind it is served."""
    before = service.requests()
    assert service.exchange(sent + NEXT)[0] == [200, 200]
    assert service.requests() - before == Counter({("GET", "/healthz", "200"): 1})


def test_strangers_make_no_series(service: AttackedService) -> None:
    """300 paths, methods, hosts, agents and queries of one's own add no endpoint, method or label."""
    service.exchange(get(b"/none", method=b"FIRST") + get(b"/none") + NEXT)
    before = service.requests()
    many = b"".join(
        get(b"/x%d/%d?%d" % (n, n, n), b'user-agent: %d"} 1' % n, b"x-forwarded-for: 10.0.0.%d" % (n % 250))
        + get(b"/y%d" % n, method=b"M%d" % n)
        for n in range(150)
    )
    statuses, _ = service.exchange(many + NEXT)
    assert statuses == [404] * 300 + [200]
    assert service.requests() - before == Counter(
        {
            ("GET", "(unmatched)", "404"): 150,
            ("(other)", "(unmatched)", "404"): 150,
            ("GET", "/healthz", "200"): 1,
        }
    )
