"""Folders of any name: what supervisord, sh, Prometheus and Grafana make of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.own_stack import environment, run

from scripts.stack import launch, private, render
from scripts.stack.binaries import obtain
from scripts.stack.services import Service
from scripts.stack.settings import ROOT, StackSettings
from scripts.stack.supervisor import configuration

NAMES = [
    "50% off",
    "%(here)s",
    "a #b",
    "a ;b",
    "a\u3000#b",
    "'it's'",
    '"quoted"',
    "$HOME `id`",
    "a,b=c",
    "[a-b]",
    "what?*",
    "back\\slash",
    "~tilde",
    "!b & (x) <y> |",
    "리뷰 렌즈",
    "line\nbreak",
]
DUMP = "import json, os, sys; print(json.dumps([os.getcwd(), sys.argv, os.environ.get('GIVEN')]))"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path: a socket's name has 92 bytes, of which pytest's own folders take most."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        yield Path(folder)


def settings_in(folder: Path) -> StackSettings:
    return StackSettings.from_env({"REVIEWLENS_RUN_DIR": str(folder)})


def read_by_supervisor(run_dir: Path) -> dict[str, Any]:
    """What supervisord's own parser makes of the configuration in a folder."""
    code = (
        "import json, os, sys\n"
        "from supervisor.options import ServerOptions\n"
        "options = ServerOptions()\n"
        "options.realize(['-c', 'supervisord.conf'])\n"
        "(group,) = options.process_group_configs\n"
        "(one,) = group.process_configs\n"
        "print(json.dumps({'command': one.command, 'log': os.path.abspath(one.stdout_logfile),\n"
        "  'main': options.logfile, 'pid': options.pidfile, 'socket': options.server_configs[0]['file'],\n"
        "  'umask': options.umask}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=run_dir, capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("name", NAMES)
def test_the_supervisor_reads_every_folder_as_it_is(name: str, place: Path) -> None:
    """Logs, PID file and socket stand in the folder itself, by the real parser of supervisord.conf."""
    settings = settings_in(place / name)
    private.folder(settings.logs)
    private.write(settings.run_dir / "supervisord.conf", configuration(["api"]))
    assert read_by_supervisor(settings.run_dir) == {
        "command": "/bin/sh launch/api.sh",
        "log": str(settings.logs / "api.log"),
        "main": str(settings.logs / "supervisord.log"),
        "pid": str(settings.run_dir / "supervisord.pid"),
        "socket": str(settings.socket),
        "umask": 0o077,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_service_gets_words_and_variables_as_they_are(name: str, place: Path) -> None:
    """The script becomes the command, in the clone's folder, and its PID file has its number."""
    settings = settings_in(place / name)
    words = (f"--data={place / name}", "", name, "100%", "*")
    service = Service("api", (sys.executable, "-c", DUMP, *words), 1, {"GIVEN": f"{name} = 'x'"})
    launch.write(settings, [service])
    child = subprocess.Popen(
        ["/bin/sh", "launch/api.sh"], cwd=settings.run_dir, stdout=subprocess.PIPE, text=True
    )
    told, _ = child.communicate()
    assert json.loads(told) == [str(ROOT), ["-c", *words], f"{name} = 'x'"]
    assert settings.pid_file("api").read_text() == f"{child.pid}\n"
    kept = launch.launched(settings.run_dir)
    assert kept is not None and kept.commands == {"api": list(service.command)}
    assert launch.is_current(settings, [service])


@pytest.mark.parametrize("name", NAMES)
def test_prometheus_finds_the_rules_whatever_the_folder_is_called(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern that finds nothing is silent: brackets of the clone's own are no part of it."""
    shutil.copytree(ROOT / "monitoring" / "alerts", place / name / "alerts")
    monkeypatch.setattr(render, "PROMETHEUS", Path(shutil.copy(render.PROMETHEUS, place / name)))
    settings = StackSettings.from_env({"REVIEWLENS_RUN_DIR": str(place / "run"), "REVIEWLENS_PORT": "18000"})
    config = render.prometheus_config(settings)
    words = [obtain("promtool"), "check", "config", config]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    rules = {path.name for path in (ROOT / "monitoring" / "alerts").glob("*.yml")}
    assert config.parent == place / "run" / "prometheus"
    assert f"SUCCESS: {len(rules)} rule files found" in told


def test_a_dollar_in_the_folder_is_none_to_grafana(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It replaces $NAME in provisioning by the environment's value, and reads $$ as a dollar."""
    monkeypatch.setattr(render, "GRAFANA", place / "$HOME")
    shutil.copytree(ROOT / "monitoring/grafana", render.GRAFANA)
    folder = render.grafana_provisioning(settings_in(place))
    provider = yaml.safe_load((folder / "dashboards/dashboard.yml").read_text())["providers"][0]
    assert provider["options"]["path"] == f"{place}/$$HOME/dashboards"


def test_a_stack_runs_in_a_folder_with_all_of_it() -> None:
    """Started, ready, asked, stopped; nothing that it writes is open to others, whatever the umask."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        inside = Path(folder) / "5% #x ;y $z '\"한,="
        env = environment(inside)
        try:
            up = run("start-monitoring", env)
            assert (up.returncode, up.stderr) == (0, "")
            assert run("status", env).stdout.count("ready, up") == 3  # Prometheus, Alertmanager, the page
            folders = [inside, *(inside / part for part in ("run", "run/logs", "run/prometheus", "data"))]
            written = [path for path in inside.glob("run/*") if path.is_file()]
            written += [*inside.glob("run/logs/*"), *inside.glob("run/launch/*"), *inside.glob("run/*/*.yml")]
            assert {path.suffix for path in written} >= {".log", ".sh", ".pid", ".yml", ".json", ".conf"}
            assert {path.name for path in (*folders, *written) if path.stat().st_mode & 0o077} == set()
        finally:
            down = run("down", env)
        assert (down.returncode, down.stderr) == (0, "")
