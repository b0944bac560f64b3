"""What the doctor is given of the program that it examines."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ExaminedProgram:
    """One program. `host_variable` sets the address on which it listens.

    `jobs`: names of jobs or services under which Prometheus has it; `optional_jobs` may be down at any time.
    `label_values`: how many values its labels usually take, for the estimate. A value of `single_labels`
    stands in one label set, whatever the other labels are.
    """

    host_variable: str = "HOST"
    jobs: Set[str] = frozenset()
    optional_jobs: Set[str] = frozenset()
    label_values: Mapping[str, int] = field(default_factory=dict)
    single_labels: Set[str] = frozenset()
