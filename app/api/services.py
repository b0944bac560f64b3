"""The handlers' services, made once per process and reached through the application's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.api.starts import Starts
from app.database import Database
from app.dialogue.engine import Engine
from app.dialogue.store import SessionStore
from app.llm.chain import Chain
from app.reviews.repository import Repository


@dataclass(frozen=True)
class Services:
    """The service's parts, wired."""

    database: Database
    repository: Repository
    sessions: SessionStore
    chain: Chain
    engine: Engine
    starts: Starts


async def _current(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Current = Annotated[Services, Depends(_current)]
