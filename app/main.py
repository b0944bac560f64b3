"""`uvicorn app.main:app`. A wrong setting, or a store that cannot be used, is one line and exit code 2."""

import logging
import sys

from app.faults import StoreError
from app.llm.settings import LLMSettings
from app.service import create_app, prepare
from app.settings import AppSettings, AppSettingsError
from app.variables import warn_unknown
from telemetry import SettingsError, logs

try:
    settings = AppSettings.from_env()
    logs.configure(settings.log_format, settings.log_level)
    warn_unknown()
    # The LLM chain and the push log each attempt themselves; these log whole addresses.
    for client in ("httpx", "httpx2", "urllib3"):
        logging.getLogger(client).setLevel(logging.WARNING)
    llm = LLMSettings.from_env()
    prepare(settings)
    app = create_app(settings, llm)
except (AppSettingsError, SettingsError, StoreError) as error:
    print(f"reviewlens: {error}", file=sys.stderr)  # noqa: T201 - nothing logs yet
    raise SystemExit(2) from None
