"""What a request costs with traces on, one in ten sampled."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

import telemetry
from benchmarks.contenders import AUTOMATIC, BARE, OURS
from benchmarks.nowhere import SpansNowhere
from benchmarks.part import Part
from benchmarks.requests import timed
from benchmarks.service import service
from benchmarks.standing import standing
from telemetry.settings import load

SAMPLED = 0.1
REQUESTS = 3_000  # many, for what exports spans does so now and then


def _provider() -> TracerProvider:
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(SAMPLED))
    provider.add_span_processor(BatchSpanProcessor(SpansNowhere()))
    return provider


def automatic() -> FastAPI:
    """opentelemetry-instrumentation-fastapi with its defaults, metrics and traces."""
    metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
    trace.set_tracer_provider(_provider())
    app = service()
    FastAPIInstrumentor.instrument_app(app)
    return app


def ours(exemplars: str = "trace_based") -> FastAPI:
    """telemetry.instrument as with OTEL_TRACES_EXPORTER=otlp, but for where the spans go."""
    environ = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXEMPLAR_FILTER": exemplars}
    pipeline = telemetry.Pipeline(load(environ), environ)
    if pipeline.tracer_provider:
        pipeline.tracer_provider.shutdown()
    pipeline.tracer_provider = _provider()
    pipeline.publish()
    app = service()
    telemetry.instrument(app, pipeline)
    return app


FACTORIES = {
    BARE: partial(timed, service, REQUESTS),
    AUTOMATIC: partial(timed, automatic, REQUESTS),
    OURS: partial(timed, ours, REQUESTS),
    f"{OURS}, no exemplars": partial(timed, partial(ours, "always_off"), REQUESTS),
}
PART = Part(
    "traces",
    f"One request with metrics and traces, {SAMPLED:.0%} sampled",
    "µs",
    f"Processor time of {REQUESTS:,} requests a round, in process. The sampler is parentbased_traceidratio; "
    "spans go to nowhere.",
    standing(__name__, FACTORIES),
    base=BARE,
    added=True,
)
