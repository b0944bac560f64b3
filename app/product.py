"""What `reviewlens doctor` is given of ReviewLens."""

from __future__ import annotations

from telemetry.doctor.product import ExaminedProgram
from telemetry.settings import SERVICE_NAME

# Jobs as monitoring/*.yml has them; a test compares.
PRODUCT = ExaminedProgram(
    host_variable="REVIEWLENS_HOST",
    jobs=frozenset({SERVICE_NAME, "reviewlens-backend"}),
    optional_jobs=frozenset({"crawl-script"}),
    label_values={"category": 8, "provider": 4, "session_id": 100},
    single_labels=frozenset({"session_id"}),
)
