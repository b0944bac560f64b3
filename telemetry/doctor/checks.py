"""Every check there is, in the order in which a person would look."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from telemetry.doctor import backend_checks, configuration, estimate, pushes, reach, scraped
from telemetry.doctor.finding import Finding, Report, report
from telemetry.doctor.subject import Subject

Check = Callable[[Subject], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    configuration.settings,
    configuration.misspelt,
    configuration.authorization,
    configuration.exponential,
    configuration.pushing,
    configuration.identity,
    scraped.token,
    scraped.port,
    pushes.pushes,
    backend_checks.backend,
    reach.reach,
    estimate.size,
)


def examine(subject: Subject) -> Report:
    """Run every check; nothing is changed, and no series is made anywhere."""
    return report(finding for check in CHECKS for finding in check(subject))
