"""The faults: which step fails, how, and what that may cost. No other place knows a step's inner name.

A `target` is a dotted name in the serving process; PROCESS ones have none, and those of what is outside of it
(the receiver of pushes, files of other workers) are done by support/outside_faults.py.
"""

from __future__ import annotations

from typing import NamedTuple


class FaultRow(NamedTuple):
    """One fault.

    `counted`: as which error_type of errors_total.
    `lines`: what the log says, each once, in each process that has met it.
    `scrape`: what /metrics answers meanwhile; None: nothing, until the fault is over.
    `exact`: nothing that is recorded meanwhile is missing; else what is missing was counted as a fault.
    `first`: what is asked as soon as it is there.
    """

    what: str
    how: str
    target: str = ""
    counted: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    scrape: int | None = 200
    exact: bool = True
    first: str = ""

    @property
    def has_handles(self) -> bool:
        """Whether the process can still take a new connection."""
        return self.how != "no handles"


AFTERWARDS = "works again"
RECORD = ("telemetry fault in record",)


def _record(what: str, target: str) -> FaultRow:
    return FaultRow(what, "raise", target, ("record",), RECORD, exact=False)


def _render(what: str, target: str, scrape: int = 500) -> FaultRow:
    return FaultRow(what, "raise", target, ("render",), ("telemetry fault in render",), scrape)


def _export(what: str, how: str, target: str = "", reason: str = "") -> FaultRow:
    """The push after the last one that fails says that they work again."""
    return FaultRow(what, how, target, ("export",), (f"pushing metrics to .* fails: .*{reason}", AFTERWARDS))


SDK = "opentelemetry.sdk.metrics._internal"
EXPORTER = "opentelemetry.exporter.otlp.proto.http.metric_exporter.OTLPMetricExporter"

ONE = (
    _record("the bucket of a value", "telemetry.record.children.bisect_left"),
    _record("where a child writes", "telemetry.sdk.aggregation.InCell.aggregate"),
    _record("a new cell", "telemetry.store.cells.Cells.claim"),
    _record("label sets", "telemetry.record.handles.Handle._values"),
    _record("a new label set", "telemetry.record.handles.Handle._child"),
    FaultRow(
        "the bound on label sets",  # which the gauge's series have too
        "raise",
        "telemetry.record.cardinality.CardinalityLimit.fit",
        ("export", "record", "render"),
        tuple(f"telemetry fault in {step}" for step in ("export", "record", "render")),
        exact=False,
    ),
    _record("the middleware's recording", "telemetry.asgi.middleware.MetricsMiddleware.answer"),
    _record("a request's counter and histogram", "telemetry.record.children.CounterWithHistogram.record"),
    _record("the children of a route", "telemetry.asgi.middleware.MetricsMiddleware._new_answer"),
    _record("the template of a route", "telemetry.asgi.routes.Endpoints.of"),
    _record("the table of routes", "telemetry.asgi.routes.walk")._replace(first="/grow"),
    FaultRow("new routes at 0", "raise", "telemetry.adopt._answers", ("record",), RECORD, first="/grow"),
    _record("what was streamed", "telemetry.asgi.middleware._Exchange.is_stream"),
    _record("the trace of a request", "opentelemetry.trace.get_current_span"),
    _record("the access log", "telemetry.logs.access"),
    FaultRow("the log itself", "raise", "faulty_app.Shown.emit", ("record",), exact=False),
    FaultRow("a record that takes long", "slow", "telemetry.record.children.bisect_left"),
    _export("an exporter that raises", "raise", f"{EXPORTER}.export", "InjectedError"),
    FaultRow("an exporter that hangs", "hang", f"{EXPORTER}.export"),
    _export("a receiver that answers 500", "receiver answers 500", reason="500"),
    _export("a receiver that hangs", "receiver hangs"),
    _export("a receiver that cuts connections", "receiver cuts"),
    _export("a receiver that is gone", "receiver gone", reason="refused"),
    _export("no file handles", "no handles"),
    FaultRow(
        "what a push holds of gauges",
        "raise",
        "telemetry.push.gauges._metric",
        ("export",),
        ("telemetry fault in export",),
    ),
    _render("the renderer", "telemetry.scrape.exposition.Exposition.pieces"),
    FaultRow("a renderer that hangs", "hang", "telemetry.scrape.exposition.Exposition.pieces", scrape=None),
    _render("the text", "telemetry.scrape.text.Text.render"),
    FaultRow("a text that hangs", "hang", "telemetry.scrape.text.Text.render", scrape=None),
    FaultRow(
        "the gauge's source",
        "raise",
        "faulty_app.live",
        ("export", "render"),
        ("telemetry fault in export", "telemetry fault in render"),
    ),
    FaultRow("a gauge's source that hangs", "hang", "faulty_app.live", scrape=None),
    FaultRow("clocks", "back an hour"),
)

LEFT_OUT = "what cannot be read of it is left out"

SEVERAL = (
    _record("the bucket of a value", "telemetry.record.children.bisect_left"),
    _record("a new cell", "telemetry.store.cells.Cells.claim"),
    _record("room in a page", "telemetry.store.cells.Cells._room"),
    _render("adding up", "telemetry.scrape.sums_of_cells.SumsOfCells.add_up"),
    FaultRow(
        "adding up that hangs", "hang", "telemetry.scrape.sums_of_cells.SumsOfCells.add_up", scrape=None
    ),
    FaultRow("a file that hangs", "hang", "telemetry.store.reader.CellFile.refresh", scrape=None),
    FaultRow(
        "files that cannot be read",
        "oserror",
        "telemetry.store.reader.CellFile._map",
        ("render",),
        (LEFT_OUT,),
    ),
    FaultRow("a file of garbage", "file of garbage", "", ("render",), (LEFT_OUT,)),
    FaultRow("a file that is cut short", "file cut short", "", ("render",), (LEFT_OUT,)),
    FaultRow(
        "no file handles",
        "no handles",
        "",
        ("record", "render"),
        (*RECORD, "the metrics cannot be shown: .* files"),
        500,
    ),
    FaultRow("clocks", "back an hour"),
    FaultRow(
        "a full disk", "no room", "", ("record",), RECORD, exact=False
    ),  # last: from then on a page is long
)
