"""`--png DIR`: a picture of each board, as a Chromium of this machine draws it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from telemetry import private
from telemetry.look import browser, serving
from telemetry.look.options import HOST, Options
from telemetry.look.server import Look
from telemetry.scrape.listening import Listening
from telemetry.settings import SettingsError

WIDTH, HEIGHT = 1600, 1000
TALLEST = 16_000
"""Pixels; beyond it Chromium draws nothing."""
_READY = "document.documentElement.dataset.ready === 'true'"
_DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
_TALL = "Math.ceil(document.documentElement.scrollHeight)"


def check(folder: Path) -> str:
    """The browser's path. Raises SettingsError where there is none, or the folder cannot be made."""
    program = browser.found()
    if program is None:
        raise SettingsError(
            f"--png={str(folder)!r}: no {', '.join(browser.NAMES)} on PATH; expected a Chromium: "
            "`apt-get install chromium` on Debian, `brew install --cask chromium` on macOS"
        )
    try:
        private.folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    return program


def take(look: Look, folder: Path) -> Iterator[Path]:
    """Write a picture of each board, UID.png, and say which. Raises SettingsError."""
    program = check(folder)
    with (
        serving.bind(Listening(HOST, 0, "--host", "--port")) as bound,
        serving.beside(look.application(), bound),
    ):
        url = serving.url(bound, look.options.prefix)
        try:
            with browser.running(program) as page:
                for uid in look.folders.read().boards:
                    path = folder / f"{_file_name(uid)}.png"
                    _write(path, _picture(page, f"{url}?{urlencode(_asked(uid, look.options))}"))
                    yield path
        except browser.BrowserError as error:
            raise SettingsError(f"--png={str(folder)!r}: {program}: {error}; expected a picture") from None


def _asked(uid: str, options: Options) -> dict[str, str]:
    asked = {"board": uid, "theme": options.theme, "lang": options.language, "print": "1", "refresh": ""}
    if options.range_seconds:
        asked |= {"from": f"now-{options.range_seconds:.0f}s", "to": "now"}
    return asked | {f"var-{name}": value for name, value in options.variables.items()}


def _picture(page: browser.Browser, url: str) -> bytes:
    """Once to know how tall it is, once more at that height."""
    _size(page, HEIGHT)
    page.ask("Page.navigate", url=url)
    page.wait(_READY)
    _size(page, min(max(page.evaluate(_TALL), HEIGHT), TALLEST))
    page.evaluate(_DRAWN)
    page.wait(_READY)
    return base64.b64decode(page.ask("Page.captureScreenshot", format="png")["data"])


def _size(page: browser.Browser, height: int) -> None:
    page.ask(
        "Emulation.setDeviceMetricsOverride", width=WIDTH, height=height, deviceScaleFactor=1, mobile=False
    )


def _file_name(uid: str) -> str:
    """The uid, as far as it is a file's name."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in uid)


def _write(path: Path, picture: bytes) -> None:
    try:
        with os.fdopen(private.private_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
            file.write(picture)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"--png={str(path)!r}: {error.strerror or error}; expected a folder that can be written"
    )
