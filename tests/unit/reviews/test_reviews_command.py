"""`reviewlens ingest` as a real process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from support.review_files import FACTORS, QUESTIONS

from app.database import Database
from app.reviews.repository import Repository

REVIEW = {"review_id": "1", "rating": 2, "text": "소음이 심해요", "created_at": "2026-01-01T00:00:00Z"}
PATIENCE = 60.0
COMMAND = Path(sys.executable).with_name("reviewlens")


class Ingest:
    """Runs the command against a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "in"
        self.folder.mkdir()
        self.state = folder / "state"
        self.environ = {
            **os.environ,
            "REVIEWLENS_STATE_DIR": str(self.state),
            "OTEL_METRICS_EXPORTER": "prometheus",
            "COLUMNS": "200",
        }
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, largest: int | None = None) -> subprocess.Popen[str]:
        """The running command; no file of its may grow beyond `largest` bytes."""
        limit = f"ulimit -f {largest // 1024};" if largest else ""
        process = subprocess.Popen(
            ["bash", "-c", f'{limit} exec "$0" "$@"', COMMAND, "ingest", *arguments],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output, errors."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    @property
    def repository(self) -> Repository:
        return Repository(Database(self.state / "reviewlens.db"))

    def counts(self) -> dict[str, int]:
        """Reviews by product, as the API would serve them."""
        return {product.product_id: product.review_count for product in self.repository.products()}

    def write(self, name: str, text: str) -> str:
        """A file in the folder."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def reviews(self, number: int, name: str = "reviews_a_b_chair_20260101_000000.json") -> str:
        """A reviews file with so many rows."""
        rows = [{**REVIEW, "review_id": each} for each in range(number)]
        return self.write(name, json.dumps(rows))


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    """The command, and its end."""
    command = Ingest(tmp_path)
    yield command
    for process in command.started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def eventually(what: str, check: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        time.sleep(0.05)


def test_all_taken_ends_with_0_and_a_table(ingest: Ingest) -> None:
    """A line per file, with the numbers."""
    ingest.write("factors.csv", FACTORS)
    ingest.reviews(3)
    code, out, err = ingest.run(str(ingest.folder), "--no-metrics")
    assert (code, err) == (0, "")
    assert ingest.counts() == {"chair": 3}
    lines = [[cell.strip() for cell in line.split("│")[2:-1]] for line in out.splitlines()]
    assert [line for line in lines if line[1:2] and line[1].isdigit()] == [
        ["factors", "1", "0", "0", "0"],
        ["reviews", "3", "0", "0", "0"],
        ["", "4", "0", "0", "0"],
    ]


def test_skipped_rows_end_with_1_and_name_file_line_and_reason(ingest: Ingest) -> None:
    """The good rows are imported all the same."""
    ingest.write("factors.csv", FACTORS)
    bad = ingest.write("chair.jsonl", json.dumps(REVIEW) + "\n" + json.dumps({**REVIEW, "rating": 0}) + "\n")
    code, out, _ = ingest.run(str(ingest.folder), "--no-metrics")
    assert code == 1
    assert f"{bad}:2: row skipped: rating is 0, expected a whole number from 1 to 5" in out
    assert ingest.counts() == {"chair": 1}


def test_wrong_usage_ends_with_2_and_says_what_is_expected(ingest: Ingest) -> None:
    """No files, or none that exist."""
    assert ingest.run()[::2] == (
        2,
        "reviewlens ingest: nothing to import: expected files or folders, or --watch DIR\n",
    )
    assert ingest.run("nowhere")[::2] == (2, "reviewlens ingest: nowhere: no such file or folder\n")


def test_the_same_reason_is_told_once_with_its_first_places(ingest: Ingest) -> None:
    """However many rows have it."""
    ingest.write("factors.csv", FACTORS)
    rows = [{**REVIEW, "review_id": number, "rating": number} for number in range(6, 11)]
    bad = ingest.write("chair.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    _, out, _ = ingest.run(str(ingest.folder), "--no-metrics")
    assert (
        f"{bad}: 5 rows skipped: rating: expected a whole number from 1 to 5 "
        "(line 1 is 6, line 2 is 7, line 3 is 8, and 2 more)\n"
    ) in out


def test_a_folder_without_files_to_import_says_which_are_expected(ingest: Ingest) -> None:
    """Formats and columns; files of other kinds are none."""
    ingest.write("notes.txt", "x")
    code, out, err = ingest.run(str(ingest.folder), "--no-metrics")
    assert (code, out) == (2, "")
    assert err == (
        f"reviewlens ingest: {ingest.folder}: no file to import; "
        "expected .csv, .json, .jsonl or .ndjson files: "
        "questions with question_id, factor_id, factor_key, question_text, answer_type; "
        "factors with factor_id, factor_key, category, display_name, anchor_terms; "
        "reviews with review_id, rating, text, created_at, and a category's key in the file's name\n"
    )


def test_watching_an_empty_folder_is_one_line(ingest: Ingest) -> None:
    """No table of nothing."""
    process = ingest.start("--watch", str(ingest.folder), "--metrics-port", "0")
    assert process.stderr is not None
    address = process.stderr.readline().removeprefix("metrics on ").strip()
    assert process.stderr.readline() == f"watching {ingest.folder}; stop with Ctrl-C\n"
    eventually("the first look", lambda: "ingest_duration_seconds_count 1.0" in scraped(address))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_metrics_port_that_is_taken_is_a_clear_message(ingest: Ingest) -> None:
    """With what to do about it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = ingest.run(ingest.write("factors.csv", FACTORS), "--metrics-port", str(port))
    assert code == 2
    assert err == (
        f"reviewlens ingest: --metrics-host 127.0.0.1 --metrics-port {port}: Address already in use; "
        "expected an address of this machine and a free port. Give others, port 0 for any, or --no-metrics\n"
    )


@pytest.mark.parametrize(
    ("host", "at"),
    [("0.0.0.0", "127.0.0.2"), ("127.0.0.3", "127.0.0.3")],  # noqa: S104
)
def test_metrics_listen_where_a_container_reaches_them(ingest: Ingest, host: str, at: str) -> None:
    """Loopback alone unless told otherwise."""
    process = ingest.start("--watch", str(ingest.folder), "--metrics-port", "0", "--metrics-host", host)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert re.fullmatch(rf"metrics on http://{re.escape(host)}:\d+/metrics\n", line)
    assert "ingest_rows_total" in scraped(line.split()[-1].replace(host, at))


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_metrics_host_that_is_not_here_is_a_clear_message(ingest: Ingest, host: str) -> None:
    """An address of another machine, or a name of none."""
    code, _, err = ingest.run(ingest.write("factors.csv", FACTORS), "--metrics-host", host)
    assert code == 2
    assert re.fullmatch(
        f"reviewlens ingest: --metrics-host {host} --metrics-port 8001: .+; expected .+\n", err
    )


@pytest.fixture
def taken_8001() -> Iterator[str]:
    """A loopback address of the test's own at which somebody has the default port."""
    host = f"127.9.{os.getpid() // 256 % 256}.{os.getpid() % 256}"
    with socket.socket() as taken:
        with suppress(OSError):  # who listens at all addresses has it too
            taken.bind((host, 8001))
            taken.listen()
        yield host


def test_a_default_port_that_is_taken_costs_the_metrics_alone(ingest: Ingest, taken_8001: str) -> None:
    """Nobody has asked for it. The import goes on, with a line."""
    ingest.environ["OTEL_EXPORTER_PROMETHEUS_HOST"] = taken_8001
    code, _, err = ingest.run(ingest.write("factors.csv", FACTORS))
    assert (code, err) == (
        0,
        f"reviewlens ingest: no /metrics at {taken_8001}:8001: Address already in use; "
        "--metrics-port names another port, 0 any\n",
    )
    assert ingest.counts() == {"chair": 0}


def test_a_port_that_was_asked_for_has_to_be_had(ingest: Ingest, taken_8001: str) -> None:
    """Though it is the default's number."""
    ingest.environ["OTEL_EXPORTER_PROMETHEUS_HOST"] = taken_8001
    code, _, err = ingest.run(ingest.write("factors.csv", FACTORS), "--metrics-port", "8001")
    named = f"OTEL_EXPORTER_PROMETHEUS_HOST={taken_8001} --metrics-port 8001"
    assert code == 2
    assert err.startswith(f"reviewlens ingest: {named}: Address already in use; expected ")


def test_metrics_listen_at_the_address_of_the_setting(ingest: Ingest) -> None:
    """Where the services' own do; the option is stronger."""
    ingest.environ["OTEL_EXPORTER_PROMETHEUS_HOST"] = "127.0.0.4"
    for options, host in (((), "127.0.0.4"), (("--metrics-host", "127.0.0.5"), "127.0.0.5")):
        process = ingest.start("--watch", str(ingest.folder), "--metrics-port", "0", *options)
        assert process.stderr is not None
        assert re.fullmatch(rf"metrics on http://{host}:\d+/metrics\n", process.stderr.readline())


def test_an_address_of_the_setting_that_is_not_here_is_named(ingest: Ingest) -> None:
    """By its key."""
    ingest.environ["OTEL_EXPORTER_PROMETHEUS_HOST"] = "192.0.2.1"
    code, _, err = ingest.run(ingest.write("factors.csv", FACTORS))
    assert code == 2
    assert err.startswith("reviewlens ingest: OTEL_EXPORTER_PROMETHEUS_HOST=192.0.2.1 --metrics-port 8001: ")


def test_kill_9_in_the_middle_leaves_the_store_as_it_was(ingest: Ingest) -> None:
    """Killed at many moments, the store holds the whole import or nothing of it."""
    ingest.run(ingest.write("factors.csv", FACTORS), "--no-metrics")
    path = ingest.reviews(3000)
    seen = set()
    for after in (0.5, 1.2, 1.9):
        process = ingest.start(path, "--no-metrics")
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        corpus = ingest.repository.corpus("chair")
        seen.add((corpus.review_count, sum(tally.total for tally in corpus.tallies.values())))
    assert seen <= {(0, 0), (3000, 3000)}
    assert ingest.run(path, "--no-metrics")[0] == 0
    assert ingest.counts() == {"chair": 3000}


def test_a_disk_that_fills_up_leaves_the_store_as_it_was(ingest: Ingest) -> None:
    """One line, and the same import is taken once there is room."""
    ingest.run(ingest.write("factors.csv", FACTORS), "--no-metrics")
    path = ingest.reviews(3000)
    full = ingest.start(path, "--no-metrics", largest=200 * 1024)
    out, err = full.communicate(timeout=PATIENCE)
    assert (full.returncode, out, len(err.splitlines())) == (1, "", 1), err
    assert err.startswith("reviewlens ingest: the store ")
    assert "df -h" in err
    assert err.endswith("; nothing was written\n")
    assert ingest.counts() == {"chair": 0}
    assert ingest.run(path, "--no-metrics")[0] == 0
    assert ingest.counts() == {"chair": 3000}


def test_two_imports_at_once_take_each_row_once(ingest: Ingest) -> None:
    """The later one waits, and finds what the first has written."""
    ingest.run(ingest.write("factors.csv", FACTORS), "--no-metrics")
    path = ingest.reviews(1000)
    both = [ingest.start(path, "--no-metrics") for _ in range(2)]
    told = [process.communicate(timeout=PATIENCE) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    taken = [re.findall(r"│ reviews +│ +([\d,]+) +│", out) for out, _ in told]
    assert sorted(taken) == [["0"], ["1000"]], told
    assert ingest.counts() == {"chair": 1000}


def test_kill_9_inside_the_transaction_leaves_the_store_as_it_was(ingest: Ingest) -> None:
    """Killed for sure while rows are being written, by the process itself."""
    ingest.run(ingest.write("factors.csv", FACTORS), "--no-metrics")
    path = ingest.reviews(50)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from app.database import Database\n"
        "from app.reviews import records\n"
        "from app.reviews.ingest import ingest\n"
        "from app.reviews.repository import Repository\n"
        "write = records._write_record\n"
        "written = []\n"
        "def dying(connection, key, record):\n"
        "    write(connection, key, record)\n"
        "    written.append(key)\n"
        "    if len(written) == 25:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "records._write_record = dying\n"
        "ingest(Repository(Database(Path(sys.argv[1]))), [Path(sys.argv[2])])\n"
    )
    database = str(ingest.state / "reviewlens.db")
    died = subprocess.run([sys.executable, "-c", script, database, path], check=False, timeout=PATIENCE)
    assert died.returncode == -signal.SIGKILL
    assert ingest.counts() == {"chair": 0}


def test_kill_9_between_portions_loses_none_and_doubles_none(ingest: Ingest) -> None:
    """The same import takes the rest. Nothing is left beside the store."""
    ingest.run(ingest.write("factors.csv", FACTORS), "--no-metrics")
    path = ingest.reviews(100)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from app.database import Database\n"
        "from app.reviews import portions\n"
        "from app.reviews.ingest import ingest\n"
        "from app.reviews.repository import Repository\n"
        "rests = []\n"
        "def dying(seconds):\n"
        "    rests.append(seconds)\n"
        "    if len(rests) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "portions.time.sleep = dying\n"
        "portions.PORTION = portions.SMALLEST = 20\n"
        "ingest(Repository(Database(Path(sys.argv[1]))), [Path(sys.argv[2])])\n"
    )
    database = str(ingest.state / "reviewlens.db")
    died = subprocess.run([sys.executable, "-c", script, database, path], check=False, timeout=PATIENCE)
    assert died.returncode == -signal.SIGKILL
    assert ingest.counts() == {"chair": 40}
    _, out, _ = ingest.run(path, "--no-metrics")
    (row,) = (line for line in out.splitlines() if "│ reviews " in line)
    assert [cell.strip() for cell in row.split("│")[3:-1]] == ["60", "0", "0", "40"]
    corpus = ingest.repository.corpus("chair")
    assert (corpus.review_count, sum(tally.total for tally in corpus.tallies.values())) == (100, 100)
    assert {path.name.removeprefix("reviewlens.db") for path in ingest.state.iterdir()} <= {
        "", "-wal", "-shm", "-import"
    }  # fmt: skip


def test_a_watched_folder_is_imported_as_files_come_until_sigterm(ingest: Ingest) -> None:
    """What was there, what comes before its factors, and a clean end; with metrics of its own."""
    ingest.reviews(4)
    process = ingest.start("--watch", str(ingest.folder), "--metrics-port", "0")
    assert process.stderr is not None
    address = process.stderr.readline().removeprefix("metrics on ").strip()
    eventually("the first import", lambda: 'bad_file"} 1.0' in scraped(address))
    ingest.write("factors.csv", FACTORS)
    eventually("the reviews, explained by the factors", lambda: ingest.counts() == {"chair": 4})
    ingest.reviews(6, "reviews_a_b_chair_20260201_000000.json")
    eventually("the later export", lambda: ingest.counts() == {"chair": 6})
    ingest.write("questions.csv", QUESTIONS)
    eventually(
        "the metrics",
        lambda: 'ingest_rows_total{kind="questions",result="taken"} 1.0' in scraped(address),
    )
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize("form", ["dots", "link", "relative", "a link above"])
def test_a_watched_folder_may_be_named_in_any_way(ingest: Ingest, form: str) -> None:
    """Changes come with the folder's own path, whatever name was given."""
    folder = ingest.folder.rename(ingest.folder.with_name("가져올 것")) / "in"
    folder.mkdir()
    (ingest.state.parent / "link").symlink_to(folder)
    (ingest.state.parent / "above").symlink_to(folder.parent)
    given = {
        "dots": f"{folder}/../in",
        "link": f"{ingest.state.parent}/link",
        "relative": os.path.relpath(folder),
        "a link above": f"{ingest.state.parent}/above/in",
    }
    process = ingest.start("--watch", given[form], "--metrics-port", "0")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("metrics on ")
    assert process.stderr.readline().startswith("watching ")
    ingest.folder = folder
    ingest.write("factors.csv", FACTORS)
    eventually("the factors", lambda: "chair" in ingest.counts())
    ingest.reviews(2)
    eventually("the reviews", lambda: ingest.counts() == {"chair": 2})


def scraped(address: str) -> str:
    """The command's metrics."""
    with urlopen(address, timeout=PATIENCE) as answer:
        return str(answer.read().decode())
