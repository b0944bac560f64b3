"""What can be wrong with a Redis: one line that says what to do, and no secret in it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from support.redis_server import RedisServer, redis_server
from support.servers import ROOT, free_port, wait_for

from app.dialogue.model import Session
from app.dialogue.store_redis import RedisSessions
from app.faults import StoreError
from telemetry.secrets import without_secrets

SECRET = "geheimnis"
SESSION = Session("s1", "the chair", "chair", "q-general")


def told(url: str) -> StoreError:
    """What beginning a dialogue there raises."""
    with closing(RedisSessions(url, 60)) as store, pytest.raises(StoreError) as refused:
        store.begin(SESSION, None)
    return refused.value


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis of this file's own, with a password."""
    with redis_server(password=SECRET) as running:
        yield running


def at(server: RedisServer, userinfo: str) -> str:
    return f"redis://{userinfo}127.0.0.1:{server.port}/0"


def limited(server: RedisServer) -> str:
    server.client.execute_command("ACL", "SETUSER", "other", "on", f">{SECRET}", "~other:*", "+@all")
    return at(server, f"other:{SECRET}@")


def without_hashes(server: RedisServer) -> str:
    server.client.execute_command("ACL", "SETUSER", "hashless", "on", f">{SECRET}", "~*", "+@all", "-hset")
    return at(server, f"hashless:{SECRET}@")


URLS: dict[str, tuple[Callable[[RedisServer], str], str, str]] = {
    "nobody listens": (lambda _: "redis://127.0.0.1:1", "Connection refused", "See that it runs"),
    "no such host": (lambda _: "redis://nowhere.invalid", "not known", "See the host's name"),
    "no password": (lambda it: at(it, ""), "uthenticat", "right user and password"),
    "wrong password": (
        lambda it: at(it, f":{SECRET}x@"),
        "invalid username-password",
        "right user and password",
    ),
    "another's keys": (limited, "no permissions", "on keys reviewlens:*"),
    "not every command": (without_hashes, "can't run this command", "docs/how-to/sessions.md"),
    "no such database": (
        lambda it: at(it, f":{SECRET}@") + "99",
        "DB index is out of range",
        "no database of it",
    ),
    "no TLS": (
        lambda it: at(it, f":{SECRET}@").replace("redis", "rediss", 1),
        "Timeout connecting to server",
        "only one side expects TLS",
    ),
}


@pytest.mark.parametrize("name", URLS)
def test_an_address_that_cannot_be_used(name: str, server: RedisServer) -> None:
    """The log has the place without its secrets; who asks from outside has the reason without the place."""
    url, reason, remedy = URLS[name]
    error = told(url(server))
    line = str(error)
    assert line.startswith(f"the store {without_secrets(url(server))} cannot be used: {error.reason}. ")
    assert line.endswith("REVIEWLENS_SESSION_STORE sets its address")
    assert reason in error.reason
    assert remedy in line
    assert "\n" not in line
    assert SECRET not in line
    assert "127.0.0.1" not in error.reason


def test_a_replica_takes_nothing(server: RedisServer) -> None:
    """It answers questions, and is noticed by the first write, a probe's too."""
    flags = ("--replicaof", f"127.0.0.1 {server.port}", "--masterauth", SECRET)
    with redis_server(*flags) as replica, closing(RedisSessions(replica.url, 60)) as store:
        wait_for(
            "the replica to follow", lambda: replica.client.info("replication")["master_link_status"] == "up"
        )
        assert store.get("s1") is None
        assert "This one is a replica: name the primary" in str(told(replica.url))
        with pytest.raises(StoreError, match="can't write against a read only replica"):
            store.probe(1)


def test_a_redis_that_hangs_is_waited_for_no_longer_than_a_locked_file(server: RedisServer) -> None:
    """And used again as soon as it goes on."""
    url = at(server, f":{SECRET}@")
    with closing(RedisSessions(url, 60)) as store:
        store.probe(1)
        server.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(StoreError, match="It is away, hangs"):
                store.get("s1")
        finally:
            server.process.send_signal(signal.SIGCONT)
        wait_for("it to go on", lambda: store.get("s1") is None)


def test_tls_with_an_authority_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by the address, or by the standard variable; without it, one line says what to add."""
    authority, other = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(other)
    certificate = authority.issue_cert("127.0.0.1")
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    port = free_port()
    tls = (
        "--tls-port",
        str(port),
        "--tls-cert-file",
        chain,
        "--tls-key-file",
        key,
        "--tls-auth-clients",
        "no",
    )
    with redis_server(*tls):
        url = f"rediss://127.0.0.1:{port}/0"
        assert "Add ?ssl_ca_certs=FILE to the URL, or set SSL_CERT_FILE" in str(told(url))
        with closing(RedisSessions(f"{url}?ssl_ca_certs={other}", 60)) as store:
            store.probe(1)
        monkeypatch.setenv("SSL_CERT_FILE", str(other))
        with closing(RedisSessions(url, 60)) as store:
            store.probe(1)


def test_a_redis_that_throws_away_is_warned_of(server: RedisServer) -> None:
    """Where it has a limit; where the question is not allowed, nothing is said."""
    server.client.execute_command("ACL", "SETUSER", "mute", "on", f">{SECRET}", "~*", "+@all", "-info")
    with (
        closing(RedisSessions(at(server, f":{SECRET}@"), 60)) as store,
        closing(RedisSessions(at(server, f"mute:{SECRET}@"), 60)) as mute,
    ):
        server.client.config_set("maxmemory-policy", "volatile-lru")
        assert store.warnings() == []
        server.client.config_set("maxmemory", "1gb")
        (warning,) = store.warnings()
        assert warning.startswith(f"the store redis://127.0.0.1:{server.port}/0 throws dialogues away")
        assert warning.endswith("set its maxmemory-policy to noeviction, it is volatile-lru")
        assert mute.warnings() == []
        server.client.config_set("maxmemory-policy", "noeviction")
        assert store.warnings() == []


def test_a_user_needs_no_more_than_the_page_says(server: RedisServer) -> None:
    """The rights in docs/how-to/sessions.md are enough for all that the service asks."""
    page = (ROOT / "docs/how-to/sessions.md").read_text(encoding="utf-8")
    rights = next(part for part in page.split("`") if part.startswith("~reviewlens:*")).split()
    server.client.execute_command("ACL", "SETUSER", "service", "reset", "on", f">{SECRET}", *rights)
    with closing(RedisSessions(at(server, f"service:{SECRET}@"), 60)) as store:
        store.probe(1)
        assert store.begin(SESSION, store.open_visit(SESSION.product_id))
        session = store.save(replace(SESSION, evidence=1))
        assert store.live_evidence(10).some == [("chair", "s1", 1)]
        assert store.expire() == []
        assert store.abandon("s1", "browser_close")
        assert store.get("s1") == replace(session, status="abandoned")
        assert store.warnings() == []
