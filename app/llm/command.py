"""The command `reviewlens llm-simulator`."""

from __future__ import annotations

from typing import Annotated

import typer

from app.llm.simulator.script import Script
from telemetry.loopback import is_loopback


def llm_simulator(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    latency: Annotated[
        float, typer.Option(min=0, max=600, help="Median seconds to the first byte of an answer.")
    ] = 0.0,
    spread: Annotated[
        float, typer.Option(min=0, max=3, help="Sigma of the log-normal latency; 0 keeps it fixed.")
    ] = 0.0,
    pace: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds between the pieces of a stream.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of everything that varies.")] = 0,
) -> None:
    """Answer as Gemini, OpenAI and Claude would, without keys and costs.

    PUT /control/{provider} changes a provider's behaviour, GET /ledger lists the answers.
    """
    from app.llm.simulator.server import create_server

    if not is_loopback(host):
        typer.secho(f"{host}: whoever reaches this address controls the simulator.", err=True, fg="yellow")
    script = Script(latency_seconds=latency, latency_sigma=spread, pace_seconds=pace, seed=seed)
    server = create_server(host, port, script, log_level="info")
    server.run()
