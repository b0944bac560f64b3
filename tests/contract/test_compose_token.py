"""The compose files with a token for the metrics, and the script that makes it."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from support.compose import VERSIONS, WITH_TOKEN, services
from support.containers import ROOT_USER
from support.metrics_token import make_token
from support.servers import ROOT

from telemetry.access import check
from telemetry.scrape.listening import Listening
from telemetry.settings import TOKEN_FILE

COMMITTED = ROOT / "monitoring" / "prometheus" / "prometheus.yml"
TOKEN = "/etc/prometheus/metrics.token"
READERS = {"api.token": 10001, "prometheus.token": 65534, "host.yml": 65534, "api.yml": 65534}


def test_each_file_is_for_the_one_who_reads_it(tmp_path: Path) -> None:
    """256 random bits, new each time, in a folder for its owner; the API takes such a file."""
    tokens = set()
    for _ in range(2):
        made = make_token(tmp_path)
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        files = {path.name: path.stat() for path in made.iterdir()}
        assert set(files) == {*READERS, "host.token"}
        assert {stat.S_IMODE(status.st_mode) for status in files.values()} == {0o600}
        if ROOT_USER:
            assert {name: files[name].st_uid for name in READERS} == READERS
        (token,) = {path.read_text() for path in made.glob("*.token")}
        assert re.fullmatch(r"[\w-]{43}", token)
        assert not any(token in path.read_text() for path in made.glob("*.yml"))
        check({TOKEN_FILE: str(made / "host.token")}, Listening("127.0.0.1", 0, "--host", "--port"))
        tokens.add(token)
    assert len(tokens) == 2
    assert {path.name for path in made.parent.iterdir()} == {"prometheus", "token"}


def test_the_configuration_is_the_committed_one_with_the_token(tmp_path: Path) -> None:
    """For the API's job alone; in the whole stack, at the API's name there."""
    made = make_token(tmp_path)
    for name, host in (("host.yml", "host.docker.internal"), ("api.yml", "api")):
        expected = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
        (job,) = (row for row in expected["scrape_configs"] if row["job_name"] == "reviewlens-api")
        job["authorization"] = {"credentials_file": TOKEN}
        job["static_configs"][0]["targets"] = [f"{host}:8000"]
        assert yaml.safe_load((made / name).read_text(encoding="utf-8")) == expected


@pytest.mark.parametrize("files", WITH_TOKEN)
def test_the_override_changes_the_token_and_nothing_else(files: str) -> None:
    """Both versions read it alike; users are those who own the files; git ignores what is mounted."""
    base, over = services(files.split(maxsplit=1)[0]), services(files)
    assert services(files, VERSIONS[0]) == services(files, VERSIONS[1])
    assert {name for name in over if over[name] != base[name]} == {"prometheus", "api"} & set(base)
    new = {(mount.target, mount.source) for row in over.values() for mount in row.mounts if mount.read_only}
    new -= {(mount.target, mount.source) for row in base.values() for mount in row.mounts}
    sources = [Path(source).relative_to(ROOT) for _, source in new]
    assert all(source.parent == Path("monitoring/token") for source in sources)
    subprocess.run(["git", "check-ignore", *sources], cwd=ROOT, check=True)
    assert (TOKEN, str(ROOT / "monitoring/token/prometheus.token")) in new
    assert over["prometheus"].user == "65534:65534"
    if "api" in over:
        told = over["api"].environment
        assert told["OTEL_METRICS_EXPORTER"] == "prometheus"
        assert (told[TOKEN_FILE], str(ROOT / "monitoring/token/api.token")) in new
