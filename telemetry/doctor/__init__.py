"""The doctor: are the settings right? docs/reference/doctor.md describes it."""

from telemetry.doctor.checks import examine
from telemetry.doctor.finding import Finding, Report
from telemetry.doctor.subject import Subject

__all__ = ["Finding", "Report", "Subject", "examine"]
