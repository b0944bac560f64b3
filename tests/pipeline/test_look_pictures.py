"""`--png`: what is asked of a Chromium, and what is said where it is missing, ends or never gets ready.

The browser here is a script that speaks the protocol; a real one draws in `make test-browser`.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.looked import EMPTY, board, in_its_place, write
from support.servers import ROOT

BROWSER = """#!{python}
import base64, json, os, sys, urllib.request
MODE = {mode!r}
log = open({log!r}, "a")
print(json.dumps(sys.argv[1:]), file=log, flush=True)
if MODE == "ends":
    raise SystemExit(1)
pending = b""
tall = 1000
while piece := os.read(3, 65536):
    pending += piece
    while b"\\0" in pending:
        message, _, pending = pending.partition(b"\\0")
        asked = json.loads(message)
        print(message.decode(), file=log, flush=True)
        given, result = asked["params"], {{}}
        method = asked["method"]
        if method == "Target.createTarget":
            result = {{"targetId": "t"}}
        elif method == "Target.attachToTarget":
            result = {{"sessionId": "s"}}
        elif method == "Page.navigate":
            urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(given["url"]).read()
        elif method == "Runtime.evaluate":
            value = 2345 if "scrollHeight" in given["expression"] else True
            result = {{"result": {{"value": value}}}}
        elif method == "Page.captureScreenshot":
            result = {{"data": base64.b64encode(b"a picture").decode()}}
        told = {{"id": asked["id"], "result": result}}
        if MODE == "refuses" and method == "Page.navigate":
            told = {{"id": asked["id"], "error": {{"message": "no such page"}}}}
        event = json.dumps({{"method": "Page.loadEventFired", "params": {{}}}}).encode() + b"\\0"
        os.write(4, event + json.dumps(told).encode() + b"\\0")
"""


def shoot(
    tmp_path: Path, *words: str, name: str = "chromium", mode: str = "draws"
) -> tuple[subprocess.CompletedProcess[str], list[Any]]:
    """The command with such a browser on PATH, and the browser's own words."""
    folder = write(tmp_path / "boards", board("one", "up"))
    (folder / "odd.json").write_text(json.dumps(board("../two", "up")))
    (tmp_path / "bin").mkdir(exist_ok=True)
    log = tmp_path / "log"
    program = tmp_path / "bin" / name
    program.write_text(BROWSER.format(python=sys.executable, log=str(log), mode=mode))
    program.chmod(0o755)
    command = [sys.executable, "-m", "telemetry", "look", "--dashboards", str(folder)]
    with in_its_place(lambda _: (200, {}, EMPTY)) as (url, _):
        done = subprocess.run(
            [*command, "--prometheus", url, "--png", str(tmp_path / "png"), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**os.environ, "PATH": str(tmp_path / "bin")},
        )
    return done, [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_each_board_is_drawn_whole(tmp_path: Path, name: str) -> None:
    """A file each for its owner alone; the board's uid is never a path; the browser is gone at the end."""
    words = ("--range", "6h", "--theme", "dark", "--language", "ko", "--variable", "job=a b")
    done, (flags, *asked) = shoot(tmp_path, *words, name=name)
    pictures = [tmp_path / "png" / "___two.png", tmp_path / "png" / "one.png"]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(path) for path in pictures]
    for path in pictures:
        assert path.read_bytes() == b"a picture"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "--headless=new" in flags
    assert ("--no-sandbox" in flags) == (os.geteuid() == 0)
    (profile,) = [flag.partition("=")[2] for flag in flags if flag.startswith("--user-data-dir=")]
    assert not Path(profile).exists()
    urls = [one["params"]["url"] for one in asked if one["method"] == "Page.navigate"]
    given = "theme=dark&lang=ko&print=1&refresh=&from=now-21600s&to=now&var-job=a+b"
    assert sorted(url.partition("/?")[2] for url in urls) == [f"board=..%2Ftwo&{given}", f"board=one&{given}"]
    heights = [
        one["params"]["height"] for one in asked if one["method"] == "Emulation.setDeviceMetricsOverride"
    ]
    assert heights == [1000, 2345] * 2


def test_without_a_browser_its_package_is_named(tmp_path: Path) -> None:
    """Before anything is asked or made."""
    done, _ = shoot(tmp_path, name="firefox")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"telemetry look: --png='{tmp_path}/png': no chromium, chromium-browser, google-chrome on PATH; "
        "expected a Chromium: `apt-get install chromium` on Debian, `brew install --cask chromium` on macOS\n"
    )
    assert not (tmp_path / "png").exists()


@pytest.mark.parametrize(("mode", "said"), [("ends", "the browser has ended"), ("refuses", "no such page")])
def test_a_browser_that_fails_is_one_line(tmp_path: Path, mode: str, said: str) -> None:
    """No traceback, no empty picture."""
    done, _ = shoot(tmp_path, mode=mode)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"telemetry look: --png='{tmp_path}/png': {tmp_path}/bin/chromium: {said}")
    assert done.stderr.count("\n") == 1
    assert list((tmp_path / "png").iterdir()) == []
