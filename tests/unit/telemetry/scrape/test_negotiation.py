"""Which format an Accept header gets: never one that is not written."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from telemetry.metrics import dialogue_turns_total
from telemetry.testing import Recorded

OM, TXT = "application/openmetrics-text", "text/plain"
TEXT = f"{TXT}; version=0.0.4; charset=utf-8"
TEXT_1 = f"{TXT}; version=1.0.0; charset=utf-8"
OPENMETRICS = f"{OM}; version=1.0.0; charset=utf-8"

# What Prometheus sends: 2.42, then 3.0 and later, then one that is set to prefer text.
PROMETHEUS_2 = f"{OM};version=1.0.0,{OM};version=0.0.1;q=0.75,{TXT};version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = (
    f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.6,{OM};version=0.0.1;q=0.5,"
    f"{TXT};version=1.0.0;escaping=allow-utf-8;q=0.4,{TXT};version=0.0.4;q=0.3,*/*;q=0.2"
)
PREFERS_TEXT = (
    f"{TXT};version=1.0.0;escaping=underscores;q=0.6,{OM};version=1.0.0;escaping=underscores;q=0.5,*/*;q=0.2"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"

CASES = {
    "": TEXT,
    "*/*": TEXT,
    "text/*": TEXT,
    "application/*": OPENMETRICS,
    BROWSER: TEXT,
    "application/json": TEXT,
    PROMETHEUS_2: OPENMETRICS,
    PROMETHEUS_3: f"{OPENMETRICS}; escaping=allow-utf-8",
    PREFERS_TEXT: f"{TEXT_1}; escaping=underscores",
    OM: OPENMETRICS,
    f"{OM};version=1.0.0": OPENMETRICS,
    f'{OM};version="1.0.0"': OPENMETRICS,
    "Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5": OPENMETRICS,
    # Not written here: OpenMetrics 0.0.1 and 2.0.0, and what nobody has heard of.
    f"{OM};version=0.0.1": TEXT,
    f"{OM};version=2.0.0": TEXT,
    f"{OM};version=2.0.0,{OM};version=1.0.0;q=0.5": OPENMETRICS,
    f"{OM};version=2.0.0;q=0.9,{TXT};version=0.0.4;q=0.1": TEXT,
    f"{OM};version=banana": TEXT,
    f"{OM};version=": TEXT,
    f"{TXT};version=2.0.0": TEXT,
    f"{TXT};version=1.0.0": TEXT_1,
    f"{TXT};version=0.0.4": TEXT,
    # Quality counts, then the order.
    f"{OM};q=0.1,{TXT};q=0.9": TEXT,
    f"{TXT};q=0.1,{OM};q=0.9": OPENMETRICS,
    f"{OM},{TXT}": OPENMETRICS,
    f"{TXT},{OM}": TEXT,
    f"{OM};q=0,*/*;q=0.1": TEXT,
    f"{OM};q=0": TEXT,
    f"{TXT};q=0,*/*": OPENMETRICS,
    f"{OM};q=banana": OPENMETRICS,
    f"{OM};q=nan,{TXT};q=0.1": TEXT,
    f"{OM};q=7,{TXT}": OPENMETRICS,
    # Schemes of names that are not written here are answered with the one that is.
    f"{OM};version=1.0.0;escaping=dots": f"{OPENMETRICS}; escaping=underscores",
    f"{OM};version=1.0.0;escaping=values": f"{OPENMETRICS}; escaping=underscores",
    f"{OM};version=1.0.0;escaping=\r\nx": f"{OPENMETRICS}; escaping=underscores",
    ";,;": TEXT,
    ",": TEXT,
    f"{TXT};;;=": TEXT,
}


@pytest.mark.parametrize(("accept", "content_type"), CASES.items())
def test_the_answer_is_in_the_format_that_it_claims(
    accept: str, content_type: str, metrics: Recorded
) -> None:
    """By the header; OpenMetrics alone ends with a mark, and its families of counters have no suffix."""
    dialogue_turns_total.labels(category="chair").inc()
    body, claimed = metrics.pipeline.exposition.render(accept)  # type: ignore[union-attr]
    assert claimed == content_type
    text, is_openmetrics = body.decode(), claimed.startswith(OM)
    assert text.endswith("# EOF\n") == is_openmetrics
    assert ("# TYPE dialogue_turns counter" in text) == is_openmetrics
    families = [*(parse_openmetrics if is_openmetrics else parse_text)(text)]
    assert "dialogue_turns" in {family.name for family in families}
