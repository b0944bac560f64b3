"""OpenTelemetry metrics for a Python service, with numbers that are right. See README.md."""

from telemetry.adopt import instrument
from telemetry.pipeline import Pipeline, shutdown, start
from telemetry.serve import serve_metrics
from telemetry.settings import Settings, SettingsError
from telemetry.timing import Timer, track_errors, track_time
from telemetry.zero import known

__all__ = [
    "Pipeline",
    "Settings",
    "SettingsError",
    "Timer",
    "instrument",
    "known",
    "serve_metrics",
    "shutdown",
    "start",
    "track_errors",
    "track_time",
]
