"""`uvicorn app.main:app`."""

import logging

from app.service import create_app
from app.settings import AppSettings
from telemetry import logs

settings = AppSettings.from_env()
logs.configure(settings.log_format, settings.log_level)
logging.getLogger("httpx").setLevel(logging.WARNING)  # the LLM chain logs each attempt itself
app = create_app(settings)
