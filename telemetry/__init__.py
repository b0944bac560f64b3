"""OpenTelemetry metrics for a Python service, with numbers that are right. See README.md."""

from telemetry import metrics as metrics  # it adds ReviewLens's registry to the default ones
from telemetry.adopt import instrument
from telemetry.pipeline import Pipeline, shutdown, start
from telemetry.registries import known
from telemetry.serve import serve_metrics
from telemetry.settings import Settings, SettingsError
from telemetry.timing import Timer, track_errors, track_time

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
