"""`uvicorn app.main:app`."""

from app.service import create_app
from app.settings import AppSettings
from telemetry import logs

settings = AppSettings.from_env()
logs.configure(settings.log_format, settings.log_level)
app = create_app(settings)
