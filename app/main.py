"""`uvicorn app.main:app`. A wrong setting is one line that names it, and exit code 2."""

import logging
import sys

from app.service import create_app
from app.settings import AppSettings, AppSettingsError
from telemetry import SettingsError, logs

try:
    settings = AppSettings.from_env()
    logs.configure(settings.log_format, settings.log_level)
    for client in ("httpx", "httpx2"):  # the LLM chain logs each attempt itself
        logging.getLogger(client).setLevel(logging.WARNING)
    app = create_app(settings)
except (AppSettingsError, SettingsError) as error:
    print(f"reviewlens: {error}", file=sys.stderr)  # noqa: T201 - nothing logs yet
    raise SystemExit(2) from None
