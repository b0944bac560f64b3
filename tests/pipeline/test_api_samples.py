"""The shipped samples as users of a running service meet them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.review_files import FACTORS, QUESTIONS
from support.servers import free_port, run

PROGRAM = str(Path(sys.executable).with_name("reviewlens"))
EVERY_KIND = ["factors", "questions", "reviews"]


def command(state: Path, *arguments: str) -> str:
    """What the command prints; its exit code is 0."""
    environ = {**os.environ, "REVIEWLENS_STATE_DIR": str(state)}
    done = subprocess.run(
        [PROGRAM, *arguments], env=environ, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def shop(state_dir: Path) -> Iterator[httpx.Client]:
    """A running service whose store has the samples alone."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    env = {"REVIEWLENS_STATE_DIR": str(state_dir)}
    with (
        run([PROGRAM, "serve", f"--port={port}"], address, "/readyz", env=env),
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


def begin(shop: httpx.Client) -> dict[str, Any]:
    """A dialogue about a chair, as it begins."""
    begun: dict[str, Any] = shop.post("/api/sessions", json={"product_id": "chair"}).json()
    return begun


def to_the_end(shop: httpx.Client, step: dict[str, Any]) -> dict[str, Any]:
    """The last turn's answer."""
    while step["question"]:
        answer = {"answer": "허리가 걱정돼요", "question_id": step["question"]["question_id"]}
        response = shop.post(f"/api/sessions/{step['session_id']}/turns", json=answer)
        assert response.status_code == 200, response.text
        step = response.json()
    return step


def test_every_answer_says_what_rests_on_samples(shop: httpx.Client, state_dir: Path) -> None:
    """The list, the page, each step and the verdict; an import takes effect at once, amid a dialogue too."""
    assert [product["samples"] for product in shop.get("/api/products").json()] == [EVERY_KIND] * 8
    assert shop.get("/api/products/chair").json()["samples"] == EVERY_KIND
    begun, other = begin(shop), begin(shop)
    assert begun["samples"] == EVERY_KIND
    verdict = to_the_end(shop, begun)
    assert (verdict["samples"], verdict["analysis"]["samples"]) == (EVERY_KIND, EVERY_KIND)

    folder = state_dir / "in"
    folder.mkdir()
    (folder / "factors.csv").write_text(FACTORS.replace("소음|삐걱", "허리"))
    (folder / "questions.csv").write_text(QUESTIONS)
    (folder / "reviews_shop_chair.json").write_text(
        '[{"review_id": "own", "rating": 1, "text": "허리가 아파요", "created_at": "2026-01-01"}]'
    )
    out = command(state_dir, "ingest", str(folder), "--no-metrics")
    assert "chair: samples that make room for own rows: factors, questions, reviews" in out
    verdict = to_the_end(shop, other)
    assert (verdict["samples"], verdict["analysis"]["samples"]) == ([], [])
    assert [piece["review_id"] for piece in verdict["analysis"]["evidence"]] == ["own"]
    assert shop.get(f"/api/sessions/{begun['session_id']}").json()["analysis"]["samples"] == EVERY_KIND


def test_samples_are_removed_under_a_running_service(shop: httpx.Client, state_dir: Path) -> None:
    """Without a restart, for good; the dialogues that go on come to a verdict."""
    begun = begin(shop)
    out = command(state_dir, "samples", "remove").splitlines()
    assert len(out) == 8
    assert "chair: 12 factors, 13 questions, 79 reviews removed; the product is gone" in out
    assert shop.get("/api/products").json() == []
    assert shop.post("/api/sessions", json={"product_id": "chair"}).status_code == 404
    verdict = to_the_end(shop, begun)
    assert (verdict["is_final"], verdict["analysis"]["evidence"]) == (True, [])
    assert shop.get("/readyz").json()["reason"] == "no products: run `reviewlens ingest`"
    assert command(state_dir, "samples", "remove") == "there are no samples in the store\n"


def test_a_service_starts_without_samples_where_it_is_asked_to(tmp_path: Path) -> None:
    """It waits for an import."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    env = {"REVIEWLENS_STATE_DIR": str(tmp_path), "REVIEWLENS_SAMPLES": "false"}
    with run([PROGRAM, "serve", f"--port={port}"], address, "/healthz", env=env):
        assert httpx.get(f"{address}/api/products").json() == []
        (tmp_path / "factors.csv").write_text(FACTORS)
        command(tmp_path, "ingest", str(tmp_path / "factors.csv"), "--no-metrics")
        (product,) = httpx.get(f"{address}/api/products").json()
        assert (product["product_id"], product["samples"]) == ("chair", [])
