"""Alertmanager's config: it loads and starts without a secret, and sends once a secret's file is there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from support.http_server import QuietHandler, http_server
from support.servers import ROOT, Server, alertmanager, wait_for

from monitoring.targets import HERE, read_targets
from scripts.stack.binaries import obtain

CONFIG = HERE / "alertmanager" / "alertmanager.yml"
TEXT = CONFIG.read_text(encoding="utf-8")
DOWN = {"alertname": "TargetDown", "severity": "critical", "area": "telemetry", "job": "reviewlens-backend"}
NOTHING = {"alertname": "NoTelemetry", "severity": "critical", "area": "telemetry"}
ERRORS = {"alertname": "HighErrorRate", "severity": "critical", "area": "api"}
WORDS = {"summary": "High error rate", "description": "10% failed.", "runbook_url": "http://p/user/a.md"}


class Inbox:
    """What is posted to a local HTTP server, and its address."""

    url = ""

    def __init__(self) -> None:
        self.received: list[dict[str, object]] = []


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            inbox.received.append(json.loads(self.body()))
            self.answer(200, b"ok")

    with http_server(Handler) as url:
        inbox.url = f"{url}/secret-path"
        yield inbox


def switched_on(receiver: str, secrets: Path) -> str:
    """The config after the one edit that its head describes, without the wait for a group to gather."""
    text = TEXT.replace("\n  receiver: nobody", f"\n  receiver: {receiver}").replace("wait: 10s", "wait: 0s")
    return text.replace("monitoring/alertmanager/secrets", os.path.relpath(secrets, ROOT))


def post(server: Server, *alerts: dict[str, str]) -> None:
    body = [{"labels": labels, "annotations": WORDS} for labels in alerts]
    httpx.post(f"{server.url}/api/v2/alerts", json=body).raise_for_status()


def test_amtool_accepts_the_config() -> None:
    """By the program of the very Alertmanager that runs it."""
    command = [obtain("amtool"), "check-config", CONFIG]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 receivers" in done.stdout


def test_no_secret_stands_in_the_config() -> None:
    """Every receiver reads its secret from a file, below a folder that git ignores."""
    secrets = {"api_url", "url", "auth_password", "auth_secret", "http_config", "bot_token", "credentials"}
    receivers = yaml.safe_load(TEXT)["receivers"]
    entries = [entry for r in receivers for key, value in r.items() if key != "name" for entry in value]
    files = [value for entry in entries for key, value in entry.items() if key.endswith("_file")]
    assert [secrets & set(entry) for entry in entries] == [set(), set(), set()]
    assert [Path(file).parent.as_posix() for file in files] == ["monitoring/alertmanager/secrets"] * 3
    ignored = ["git", "check-ignore", *files]
    listed = subprocess.run(ignored, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert listed.split() == files


def test_it_starts_without_a_secret_and_keeps_what_is_hidden_behind_a_target_that_is_down() -> None:
    """Alerts of a service that cannot be seen are inhibited; the reason is shown."""
    with alertmanager(CONFIG) as server:
        post(server, DOWN, NOTHING, ERRORS)
        wait_for("the inhibition", lambda: [*_states(server).values()].count("suppressed") == 2)
        states = _states(server)
    assert states == {"TargetDown": "active", "NoTelemetry": "suppressed", "HighErrorRate": "suppressed"}


def test_a_service_of_which_nothing_arrives_hides_what_is_told_of_it() -> None:
    """Where it pushes, no target is down; Prometheus itself being down hides nothing."""
    with alertmanager(CONFIG) as server:
        post(server, {**DOWN, "job": "prometheus"}, NOTHING, ERRORS)
        wait_for("the inhibition", lambda: "suppressed" in _states(server).values())
        states = _states(server)
    assert states == {"TargetDown": "active", "NoTelemetry": "active", "HighErrorRate": "suppressed"}


GUARDS = {
    objective: sorted(limit.alert for limit in read_targets().limits if limit.objective == objective)
    for objective in (each.key for each in read_targets().objectives)
}
SEEN_BY_ITSELF = {"TargetDown", "NoTelemetry"}
"""They hide whole areas."""


def test_a_burning_budget_is_hidden_by_the_alert_that_guards_the_same_objective() -> None:
    """Of its own objective alone, and a ticket by the page; nothing hides the other way round."""
    areas = {each.key: each.area for each in read_targets().objectives}

    def burn(objective: str, severity: str) -> dict[str, str]:
        labels = {"severity": severity, "area": areas[objective], "objective": objective}
        return {"alertname": "ErrorBudgetBurn", **labels}

    burns = [burn(objective, severity) for objective in areas for severity in ("critical", "warning")]
    for objective, guards in GUARDS.items():
        for guard in set(guards) - SEEN_BY_ITSELF:
            alert = {"alertname": guard, "severity": "warning", "area": areas[objective]}
            with alertmanager(CONFIG) as server:
                post(server, alert, *burns)
                wait_for("the inhibition", lambda: len(_hidden(server)) >= len(areas) + 1)
                hidden = _hidden(server)
            also = {"llm_success", "llm_verdicts"} if objective.startswith("llm_") else {objective}
            assert hidden == {
                ("ErrorBudgetBurn", each["objective"], each["severity"])
                for each in burns
                if each["objective"] in also or each["severity"] == "warning"
            }


def _hidden(server: Server) -> set[tuple[str, str, str]]:
    return {
        (alert["labels"]["alertname"], alert["labels"].get("objective", ""), alert["labels"]["severity"])
        for alert in server.get("/api/v2/alerts").json()
        if alert["status"]["state"] == "suppressed"
    }


def _states(server: Server) -> dict[str, str]:
    alerts = server.get("/api/v2/alerts").json()
    return {alert["labels"]["alertname"]: alert["status"]["state"] for alert in alerts}


def test_slack_hears_once_its_address_is_in_the_file(inbox: Inbox, tmp_path: Path) -> None:
    """Title, words and the link to the runbook; the folder is found from the repository."""
    (tmp_path / "slack_api_url").write_text(inbox.url, encoding="utf-8")
    with alertmanager(switched_on("slack", tmp_path)) as server:
        post(server, ERRORS)
        wait_for("a message to Slack", lambda: inbox.received)
    (message,) = inbox.received
    (attachment,) = message["attachments"]  # type: ignore[misc]
    assert message["channel"] == "#reviewlens-alerts"
    assert attachment["title"] == "FIRING critical: High error rate"
    assert attachment["text"] == "10% failed. <http://p/user/a.md|Runbook>\n"
    assert attachment["color"] == "danger"


def test_a_webhook_hears_once_its_address_is_in_the_file(inbox: Inbox, tmp_path: Path) -> None:
    """The whole group in Alertmanager's own format."""
    (tmp_path / "webhook_url").write_text(inbox.url, encoding="utf-8")
    with alertmanager(switched_on("webhook", tmp_path)) as server:
        post(server, ERRORS)
        wait_for("a call of the webhook", lambda: inbox.received)
    (message,) = inbox.received
    assert (message["receiver"], message["status"]) == ("webhook", "firing")
    assert [alert["labels"] for alert in message["alerts"]] == [ERRORS]  # type: ignore[attr-defined]


def test_alerts_of_one_area_arrive_together_and_areas_apart(inbox: Inbox, tmp_path: Path) -> None:
    """Two of the API and one of the LLM part: two notifications, each with all of its area."""
    (tmp_path / "webhook_url").write_text(inbox.url, encoding="utf-8")
    # A moment for a group to gather, so that what arrives together leaves together.
    config = switched_on("webhook", tmp_path).replace("group_wait: 0s", "group_wait: 1s")
    panic, llm = {**ERRORS, "alertname": "Panic"}, {**ERRORS, "alertname": "NoAnswer", "area": "llm"}
    with alertmanager(config) as server:
        post(server, ERRORS, panic, llm)
        wait_for("all three", lambda: sum(map(len, told(inbox))) == 3)
    assert sorted(told(inbox)) == [["HighErrorRate", "Panic"], ["NoAnswer"]]


def told(inbox: Inbox) -> list[list[str]]:
    """The names of the alerts in each notification."""
    alerts: list[Any] = [message["alerts"] for message in inbox.received]
    return [sorted(alert["labels"]["alertname"] for alert in together) for together in alerts]
