"""From an exemplar to its trace: one link, one variable, the same default natively and in containers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.compose import FILES, PASSWORD, config, services
from support.grafana import SOURCE, expanded, source
from support.panels import DASHBOARDS
from support.servers import ROOT

from scripts.stack import flags, render
from scripts.stack.errors import StackError
from scripts.stack.settings import StackSettings
from telemetry.secrets import without_secrets

NAME = "REVIEWLENS_TRACE_URL"
DEFAULT = "http://localhost:16686/trace/"
PLACE = "${__value.raw}"
"""Where Grafana's pages put an exemplar's value."""
OTHER = "https://traces.example/app?a=%20b&id=/"
WRONG = ("localhost:16686/trace/", "http://localhost:16686", "ftp://a/", "http://a/ b", "http://u:p@a/")


def link(path: Path, environ: dict[str, str]) -> str:
    """Where an exemplar with the label trace_id leads to, as Grafana reads it when it starts."""
    (to,) = source(path)["jsonData"]["exemplarTraceIdDestinations"]
    assert to["name"] == "trace_id"
    return expanded(to["url"], environ)


def native(environ: dict[str, str]) -> dict[str, str]:
    """What the native Grafana's environment has."""
    words = {name: "x" for name in ("host", "port", "data", "config", "password")}
    return flags.environment("grafana", {**words, **flags.settings(environ)})


@pytest.mark.parametrize(("told", "url"), [({}, DEFAULT), ({NAME: ""}, DEFAULT), ({NAME: OTHER}, OTHER)])
def test_a_native_grafana_puts_the_trace_s_id_at_the_end_of_the_variable(
    told: dict[str, str], url: str, tmp_path: Path
) -> None:
    """In the committed file and in the copy that it gets; with none, or an empty one, a Jaeger beside it."""
    copy = render.grafana_provisioning(StackSettings.from_env({"REVIEWLENS_RUN_DIR": str(tmp_path)}))
    for path in (SOURCE, copy / "datasources" / "prometheus.yml"):
        assert link(path, native(told)) == url + PLACE


@pytest.mark.parametrize("file", FILES)
def test_a_container_s_grafana_has_the_same(file: str) -> None:
    """The default of monitoring/flags.yaml, or what .env says."""
    assert flags.settings({})["trace_url"] == DEFAULT
    assert link(SOURCE, services(file)["grafana"].environment) == DEFAULT + PLACE
    told = yaml.safe_load(config("2.40", file, **PASSWORD, **{NAME: OTHER}).stdout)["services"]
    assert link(SOURCE, told["grafana"]["environment"]) == OTHER + PLACE


@pytest.mark.parametrize("value", [*WRONG, f"{DEFAULT}{PLACE}", 'http://a/"'])
def test_an_address_that_an_id_cannot_end_is_refused(value: str) -> None:
    """One sentence, before anything starts: a link that leads nowhere is seen only when it is needed."""
    with pytest.raises(StackError) as error:
        StackSettings.from_env({NAME: value})
    assert str(error.value) == (
        f"{NAME}={without_secrets(value)!r}: the beginning of an address such as {DEFAULT}, "
        "without @, $, quotes and blanks, is expected."
    )


def test_the_link_stands_in_one_place() -> None:
    """No dashboard has one of its own, and no other data source."""
    files = [path for path in (ROOT / "monitoring" / "grafana").rglob("*") if path.is_file()]
    assert set(DASHBOARDS) < set(files)
    assert [path for path in files if "__value.raw" in path.read_text(encoding="utf-8")] == [SOURCE]
