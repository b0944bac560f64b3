"""What the doctor says: findings, and the report that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from telemetry.doctor.verdicts import VERDICTS, Severity

SCHEMA = 1
PASSED = "ok"


@dataclass(frozen=True)
class Finding:
    """One verdict on one thing. `mend`: whole lines, VARIABLE=value or a sentence that says what to do."""

    id: str
    found: str
    mend: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """ok, warning or fault."""
        return "ok" if self.id == PASSED else VERDICTS[self.id].severity

    @property
    def leads_to(self) -> str:
        """What becomes of it, unless it is mended."""
        return "" if self.id == PASSED else VERDICTS[self.id].leads_to

    def as_dict(self) -> dict[str, Any]:
        """The finding as --json prints it."""
        return {
            "id": self.id,
            "severity": self.severity,
            "found": self.found,
            "leads_to": self.leads_to,
            "mend": list(self.mend),
        }


def passed(found: str) -> Finding:
    """Something that is as it should be."""
    return Finding(PASSED, found)


def found(verdict: str, words: str, *mend: str) -> Finding:
    """A warning or a fault, by its name in VERDICTS."""
    VERDICTS[verdict]
    return Finding(verdict, words, tuple(line for line in mend if line))


@dataclass(frozen=True)
class Report:
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...]

    def of(self, *severities: Severity) -> list[Finding]:
        """The findings of some severities."""
        return [finding for finding in self.findings if finding.severity in severities]

    def healthy(self, strict: bool = False) -> bool:
        """Whether there is no fault; `strict`: no warning either."""
        return not self.of("fault", *(("warning",) if strict else ()))

    def as_dict(self) -> dict[str, Any]:
        """What --json prints. Keys are added in later versions, never taken away within one schema."""
        return {
            "schema": SCHEMA,
            "status": next((s for s in ("fault", "warning") if self.of(s)), "ok"),
            "faults": len(self.of("fault")),
            "warnings": len(self.of("warning")),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def report(findings: Iterable[Finding]) -> Report:
    """The report; what was found twice stands in it once."""
    return Report(tuple(dict.fromkeys(findings)))
