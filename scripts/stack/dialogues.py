"""Short dialogues after the start, and whether an LLM took part in them."""

from __future__ import annotations

import signal
import subprocess

from app.demo.command import DIFFERS
from app.llm.template import NAME as TEMPLATE
from scripts.stack.cache import Say
from scripts.stack.services import REVIEWLENS
from telemetry.doctor.prometheus import Prometheus

STOPPED = {128 + signal.SIGINT, 128 + signal.SIGTERM}
VERDICTS = 'sum by (provider) (llm_calls_total{status=~"success|fallback"}) > 0'
FAILURES = 'sum by (error_type) (errors_total{component="llm"}) > 0'


def drive(prometheus: Prometheus, say: Say) -> int:
    """Shoppers against the running stack, and what Prometheus made of them. The exit code of the command."""
    code = _play()
    if code == DIFFERS:
        say(
            "Sent and counted differ (see above): other traffic on this API counts too. The stack is running."
        )
    elif code in STOPPED:
        say("The dialogues were stopped. The stack is running; `make down` stops it.")
        return code
    elif code:
        return code
    if notice := without_llm(prometheus):
        say(notice)
    return 0


def _play() -> int:
    """The demo, which undoes its changes before it ends, even after Ctrl-C."""
    with subprocess.Popen([*REVIEWLENS, "demo", "--quick"]) as demo:
        try:
            return demo.wait()
        except KeyboardInterrupt:  # the demo got Ctrl-C too; leaving the block waits for it
            return 128 + signal.SIGINT


def without_llm(prometheus: Prometheus) -> str:
    """Says so, and what to look at, when every verdict so far is the template's; else ""."""
    if {labels["provider"] for labels, _ in prometheus.query(VERDICTS)} != {TEMPLATE}:
        return ""
    failed = [f"{labels['error_type']} {value:g}" for labels, value in prometheus.query(FAILURES)]
    return (
        "No verdict came from an LLM, the template wrote them all; "
        f"failed attempts: {', '.join(failed) or 'none'}. Check network, proxy and keys; "
        "monitoring/runbooks/AllLLMProvidersFailing.md goes on from there."
    )
