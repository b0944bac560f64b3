"""Options that cannot be used: each is one line with option, value and expectation."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.looked import board, write

from telemetry.__main__ import main as telemetry
from telemetry.look.command import main, read

OPTIONS = (
    *(
        "--prometheus URL",
        "--prometheus-token-file",
        "--prometheus-ca-file",
        "--dashboards DIR",
        "--runbooks DIR",
    ),
    *("--host", "--port", "--path-prefix", "--trace-url", "--title", "3002"),
)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["--prometheus", "localhost:9090"],
            "--prometheus='localhost:9090': expected an address such as http://",
        ),
        (["--prometheus", "ftp://x"], "--prometheus='ftp://x': expected an address"),
        (["--prometheus", "http://x:99999"], "expected an address"),
        (["--prometheus", "http://u:hunter2@x/"], "without user and password"),
        (["--prometheus", "http://x/?key=hunter2"], "--prometheus='http://x/': expected"),
        (["--trace-url", "javascript:alert(1)"], "--trace-url="),
        (["--link-prometheus", "javascript:alert(1)"], "--link-prometheus="),
        (["--path-prefix", "boards"], "--path-prefix='boards': expected a path such as /dashboards"),
        (["--path-prefix", "/a/../b"], "--path-prefix='/a/../b': expected"),
        (["--path-prefix", '/"><script>'], "--path-prefix="),
        (["--allowed-host", "https://boards.example.com"], "--allowed-host="),
        (["--allowed-host", "*"], "--allowed-host='*': expected a name"),
        (
            ["--host", "0.0.0.0"],  # noqa: S104
            "--host=0.0.0.0: others could reach it, and the page asks no password; expected a",
        ),
        (["--host", "192.0.2.1"], "or --allow-remote where"),
        (["--port", "99999"], "--port=99999: expected a port, 0 to 65535"),
        (["--prometheus-token-file", "/missing"], "--prometheus-token-file='/missing': No such file"),
        (["--prometheus-ca-file", "/missing"], "--prometheus-ca-file='/missing': No such file"),
        (["--runbooks", "/missing"], "--runbooks='/missing': there is no such folder"),
        (["--dashboards", "/missing"], "--dashboards='/missing': there is no such folder"),
        (["--host", "192.0.2.1", "--allow-remote", "--port", "24001"], "--host=192.0.2.1: cannot listen on"),
    ],
)
@pytest.mark.server
def test_an_option_that_cannot_be_used_is_one_line(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything listens; no secret in it."""
    folder = write(tmp_path / "boards", board("a"))
    error = (
        said(capsys, "--dashboards", str(folder), *words)
        if "--dashboards" not in words
        else said(capsys, *words)
    )
    assert error.startswith("telemetry look: ")
    assert expected in error
    assert "hunter2" not in error


def test_a_token_that_others_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for the metrics' own token."""
    token = tmp_path / "token"
    token.write_text("s3cret-token")
    token.chmod(0o644)
    folder = write(tmp_path / "boards", board("a"))
    error = said(capsys, "--dashboards", str(folder), "--prometheus-token-file", str(token))
    assert f"--prometheus-token-file='{token}': others may use it (mode 0644): chmod o-rwx" in error
    assert "s3cret" not in error


def test_a_ca_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file, but no certificate."""
    ca = tmp_path / "ca.pem"
    ca.write_text("no certificate")
    folder = write(tmp_path / "boards", board("a"))
    error = said(capsys, "--dashboards", str(folder), "--prometheus-ca-file", str(ca))
    assert f"--prometheus-ca-file='{ca}': " in error
    assert "expected a file with certificates in PEM form" in error


def test_a_proxy_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address, which may hold a password, is not."""
    monkeypatch.setenv("ALL_PROXY", "gopher://user:hunter2@proxy:1")
    folder = write(tmp_path / "boards", board("a"))
    error = said(capsys, "--dashboards", str(folder), "--prometheus", "http://prometheus.example")
    assert "the environment's proxy for it cannot be used" in error
    assert "hunter2" not in error


def test_a_command_of_ours_brings_defaults_which_words_replace() -> None:
    """Folders are replaced, and not added to."""
    defaults = {"dashboards": (Path("ours"),), "port": 7, "title": "Ours"}
    assert read([], "x", defaults, ()).dashboards == (Path("ours"),)
    theirs = read(["--dashboards", "a", "--dashboards", "b", "--port", "8"], "x", defaults, ())
    assert (theirs.dashboards, theirs.port, theirs.title) == ((Path("a"), Path("b")), 8, "Ours")


def test_a_trace_has_a_place_for_its_id() -> None:
    """At the end, where none is named."""
    for url in ("http://traces/trace/", "http://traces/trace/{trace_id}"):
        assert read(["--trace-url", url], "x", {}, ()).trace_link == "http://traces/trace/{trace_id}"
    assert read([], "x", {}, ()).trace_link is None


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), ([], 2), (["nothing"], 2)])
def test_the_engine_has_a_command(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Its commands are listed, with `look` among them."""
    assert telemetry(words) == code
    out, error = capsys.readouterr()
    assert "look    Show Grafana's dashboards" in (error if code else out)


def test_help_has_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And the defaults."""
    with pytest.raises(SystemExit) as ended:
        telemetry(["look", "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    for option in OPTIONS:
        assert option in shown
