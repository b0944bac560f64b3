"""The Dockerfile, and what may go into an image."""

from __future__ import annotations

import subprocess

import pytest
from support.dockerfile import DOCKERFILE, IGNORED, is_sent, stages
from support.servers import ROOT

BUILDER, FINAL = stages(DOCKERFILE.read_text(encoding="utf-8"))
SENT = IGNORED.read_text(encoding="utf-8")


def test_the_image_holds_no_builder_and_starts_as_nobody_in_particular() -> None:
    """Slim in both stages; the last one runs neither pip nor root, and its command is no shell's child."""
    assert {BUILDER.base, FINAL.base} == {"python:3.11-slim"}
    assert not any("pip" in words for name, words in FINAL.steps if name == "RUN")
    assert FINAL.said("USER") == "10001:10001"
    assert FINAL.said("EXPOSE") == "8000"
    assert FINAL.said("VOLUME") == "/var/lib/reviewlens"
    assert FINAL.command("CMD") == ["reviewlens", "serve"]
    assert FINAL.command("HEALTHCHECK")[0] == "python"


def test_every_package_is_checked_against_the_lock() -> None:
    """First by hash, all of them; then without an index, so that nothing else can come."""
    pip = [words for name, words in BUILDER.steps if name == "RUN" and "pip" in words.split()]
    assert pip[0].startswith("pip wheel --require-hashes --no-deps --requirement requirements.lock ")
    assert " --no-deps " in pip[1]
    assert " --no-index " in pip[2]


@pytest.mark.parametrize(
    "path", [".env", ".git/config", "app/__pycache__/main.pyc", "monitoring/data/prometheus/wal"]
)
def test_what_is_nobody_s_business_is_not_sent_to_the_builder(path: str) -> None:
    """Secrets, history, data."""
    assert not is_sent(path, SENT)


def test_what_is_copied_is_sent() -> None:
    """Each file of the packages, data files too."""
    copied = [source for name, words in BUILDER.steps if name == "COPY" for source in words.split()[:-1]]
    files = subprocess.run(
        ["git", "ls-files", *copied], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(files) > 50
    assert [file for file in files if not is_sent(file, SENT)] == []
