"""Runbooks: names and languages."""

from __future__ import annotations

from pathlib import Path

from telemetry.look.runbooks import Runbooks


def test_a_runbook_has_its_languages(tmp_path: Path) -> None:
    """As NAME.ko.md or in ko/; one that is missing is answered in the other, which is said."""
    (tmp_path / "ko").mkdir()
    for name, text in {"A.md": "a", "A.ko.md": "가", "B.md": "b", "ko/B.md": "나", "C.v2.md": "c"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    runbooks = Runbooks(tmp_path)
    assert runbooks.listing() == [
        {"name": "A", "languages": ["en", "ko"]},
        {"name": "B", "languages": ["en", "ko"]},
        {"name": "C.v2", "languages": ["en"]},
    ]
    assert runbooks.read("A", "ko") == {"name": "A", "language": "ko", "markdown": "가"}
    assert runbooks.read("B", "ko") == {"name": "B", "language": "ko", "markdown": "나"}
    assert runbooks.read("C.v2", "ko") == {"name": "C.v2", "language": "en", "markdown": "c"}


def test_a_name_is_never_a_path(tmp_path: Path) -> None:
    """Whatever stands in it."""
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "A.md").write_text("a")
    (tmp_path / "secret.md").write_text("s")
    for name in ("../secret", "..", "", "A.md", str(tmp_path / "secret"), "A\0", "ko/../A"):
        assert Runbooks(tmp_path / "books").read(name, "en") is None
    assert Runbooks(None).read("A", "en") is None
