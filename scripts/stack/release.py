"""The official release: download, compare with the published sha256, unpack."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path, PurePosixPath

import httpx

from app.demo.addresses import PROXIES, direct
from scripts.stack.errors import WayFailedError
from scripts.stack.manifest import Platform, Release
from telemetry.secrets import cleaned, without_secrets

TIMEOUT = httpx.Timeout(60.0, connect=4.0)
"""Seconds. Short to connect, so that a machine without network hears so at once."""


def shown(url: object, *releases: str) -> str:
    """An address as messages may show it: with the file's name, where it is of these releases."""
    names = (PurePosixPath(release).name for release in releases or (str(url),))
    return without_secrets(str(url), *names)


def unpack_release(program: str, release: Release, version: str, target: Platform, into: Path) -> None:
    """Put the program's release below `into`; WayFailedError when it is not to be trusted."""
    url, sums_url = release.urls(program, version, target)
    where = shown(url)
    archive = into / "archive.tar.gz"
    try:
        with httpx.Client(timeout=TIMEOUT, follow_redirects=True, trust_env=not direct(url)) as client:
            expected = _published_sha256(client, sums_url, url.rsplit("/", 1)[1])
            actual = _download(client, url, archive)
    except httpx.HTTPStatusError as error:
        raise WayFailedError(
            f"{shown(error.request.url, url, sums_url)} answered {error.response.status_code}"
        ) from error
    except httpx.HTTPError as error:
        raise WayFailedError(
            f"{shown(error.request.url, url, sums_url)} cannot be reached ({cleaned(str(error))})"
        ) from error
    except WayFailedError:
        raise
    except Exception as error:
        # Whatever a proxy's library raises; its words may hold the proxy's password.
        kind = type(error).__name__
        raise WayFailedError(f"{where} cannot be asked ({kind}); {PROXIES}") from error
    if actual != expected:
        raise WayFailedError(
            f"{where} has sha256 {actual}, but {shown(sums_url)} says {expected}: refused, nothing was kept"
        )
    try:
        _extract(archive, into)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise WayFailedError(f"{where} cannot be unpacked ({error})") from error
    archive.unlink()


def _published_sha256(client: httpx.Client, url: str, name: str) -> str:
    """The sum for `name` in a list of `sum name` lines, or in a file with a single sum."""
    response = client.get(url)
    response.raise_for_status()
    rows = [line.split() for line in response.text.splitlines() if line.strip()]
    for row in rows:
        if row[-1].lstrip("*") == name or len(rows) == len(row) == 1:
            return row[0].lower()
    raise WayFailedError(
        f"{shown(url)} has no sha256 for {name}: refused, an archive is never taken unchecked"
    )


def _download(client: httpx.Client, url: str, path: Path) -> str:
    """Stream the address into a file and answer the sha256 of what came."""
    digest = hashlib.sha256()
    with client.stream("GET", url) as response, path.open("wb") as file:
        response.raise_for_status()
        for block in response.iter_bytes(1 << 20):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _extract(archive: Path, into: Path) -> None:
    """Unpack plain files, without a folder around them all. Links and paths that climb out are left out."""
    with tarfile.open(archive) as tar:
        for member in tar:
            whole = PurePosixPath(member.name).parts
            parts = whole[1:] or whole
            source = tar.extractfile(member) if member.isreg() and parts and ".." not in parts else None
            if source is None:
                continue
            path = into.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                while block := source.read(1 << 20):
                    file.write(block)
            path.chmod(0o755 if member.mode & 0o100 else 0o644)
