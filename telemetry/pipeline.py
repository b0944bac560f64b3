"""The composition root: from settings to a running pipeline, with its globals, thread and environment."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from opentelemetry import metrics as otel_metrics
from opentelemetry import trace as otel_trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry

from telemetry.builtin import errors_total
from telemetry.current import sampled_context
from telemetry.guard import Step, guard
from telemetry.nearnames import misspelt
from telemetry.push.clean import CleanExporter
from telemetry.push.delivery import WatchedMetrics
from telemetry.push.exporters import metric_exporter
from telemetry.push.gauges import LiveGaugeExporter
from telemetry.push.patience import at_most
from telemetry.push.predecessor import GoOnExporter
from telemetry.push.target import PushTarget, target
from telemetry.record import preinitialise
from telemetry.record.gauges import Gauge
from telemetry.record.handles import Counter, Histogram
from telemetry.record.registry import Registry
from telemetry.record.trackers import IDLE
from telemetry.registries import Attached
from telemetry.scrape.endpoint import MetricsEndpoint
from telemetry.scrape.exposition import Exposition, client_registry
from telemetry.scrape.gauges import LiveGaugeCollector
from telemetry.scrape.listener import Listener
from telemetry.scrape.page import Scraped, shown
from telemetry.scrape.token import TokenFile
from telemetry.sdk.aggregation import CellStorage, writer
from telemetry.sdk.fallback import PreinitialisedCollector, PreinitialisedExporter
from telemetry.sdk.probe import unsupported
from telemetry.sdk.provider import collection_lock, rename
from telemetry.sdk.readers import GroupReader, forget_copied, hold_back, in_cells
from telemetry.sdk.resource import resource
from telemetry.sdk.views import views
from telemetry.settings import Settings, load
from telemetry.spans.provider import tracer_provider
from telemetry.store.exemplars import Exemplars
from telemetry.workers import exemplars as exemplar_cells
from telemetry.workers.address import configured_port, served_port
from telemetry.workers.inheritance import Inheritance
from telemetry.workers.membership import Membership, at_end, at_fork
from telemetry.workers.worker import Worker

METER = "reviewlens"
FLUSH_MS = 5_000

_log = logging.getLogger("telemetry")


class Pipeline:
    """Everything between a recording handle and its readers. `exposition` is None where nothing is scraped,
    and `endpoint` says so; `tracer_provider` is None where no spans are made. `exporter` replaces the one of
    the environment. `is_quiet`: wait_for_work() comes, and nothing may be pushed before it.
    `registries`: those beside the engine's; None: the default ones."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        exporter: Callable[[], MetricExporter] | None = None,
        worker: Worker | None = None,
        readers: Sequence[MetricReader] = (),
        is_quiet: bool = False,
        registries: Sequence[Registry] | None = None,
    ) -> None:
        self.settings, self._environ = settings, environ
        self._attached = Attached(registries)
        self._worker = worker or Worker()
        self._worker.serves = worker is not None
        self._membership = Membership(self._worker, environ, self._settle)
        self._membership.is_quiet = is_quiet
        self._storage: CellStorage | None = None
        self._page: Scraped | None = None
        self.exposition: Exposition | None = None
        self.endpoint = MetricsEndpoint(None)
        self.listener: Listener | None = None
        self.tracer_provider: TracerProvider | None = None
        self._pushing: PeriodicExportingMetricReader | None = None
        self._provider: MeterProvider | None = None
        self._inheritance: Inheritance | None = None
        self._stuck = False
        if not settings.sdk_disabled:
            self._build(exporter, readers, "" if worker else unsupported())

    def _build(
        self, exporter: Callable[[], MetricExporter] | None, readers: Sequence[MetricReader], lacks: str
    ) -> None:
        """From the settings to the readers, in the order of a number's way. `lacks`: see unsupported()."""
        who = self._resource(configured_port(self._environ))
        to = {signal: target(signal, self._environ) for signal in self.settings.pushed}
        if self.settings.traces:
            self.tracer_provider = tracer_provider(to.get("traces"), who)
        if lacks:
            _log.warning(
                "this version of the SDK is not known (%s): recording goes through its public calls, and "
                "each of several workers tells its own numbers alone",
                lacks,
            )
        else:
            self._keep_in_cells()
        scraped = [self._scraped()] if self.settings.prometheus else []
        if metrics := to.get("metrics"):
            self._pushing = self._pusher(exporter() if exporter else metric_exporter(metrics), metrics)
        pushed = [self._pushing] if self._pushing else []
        if all_readers := [*readers, *scraped, *pushed]:
            self._provider = self._read_by(all_readers, who)
            self._inherit()
            self._wire(self._provider)

    def _resource(self, port: int | None) -> Resource:
        place = self._membership
        return resource(self.settings, self._environ, place.name, place.root, port)

    def _keep_in_cells(self) -> None:
        """Our numbers, with exemplars where there are traces, and the page of both."""
        cells, exemplars = self._worker.cells, None
        if self.settings.exemplars:
            exemplars = Exemplars(exemplar_cells.cells_of(self._worker), sampled_context)
        self._storage = CellStorage(cells, ours=True, exemplars=exemplars)
        self._page = Scraped(METER, shown(METER, self._attached.metrics), cells, exemplars, self._worker)

    def _scraped(self) -> MetricReader:
        """The reader of what is scraped, with the exposition and the endpoint that it is for."""
        registry = CollectorRegistry()
        reader = self._scraped_reader(registry)
        registry.register(LiveGaugeCollector(self._attached.gauges))
        also = client_registry(self._membership.is_shared) if self.settings.prometheus_client else None
        self.exposition = Exposition(registry, self._page, also)
        token = TokenFile(self.settings.token_file) if self.settings.token_file else None
        if token and not self._membership.is_successor:
            token.read()
        self.endpoint = MetricsEndpoint(self.exposition, token)
        if self.settings.listens:
            place = self._membership
            self.listener = Listener(
                self.endpoint, self.settings, lambda: place.group, lambda: place.may_wait
            )
        return reader

    def _scraped_reader(self, registry: CollectorRegistry) -> MetricReader:
        if self._page:
            return GroupReader(self._worker, self._page, registry)
        inner = CollectorRegistry()
        registry.register(PreinitialisedCollector(inner, self._attached.histograms))
        return PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=inner)

    def _pusher(self, exporter: MetricExporter, to: PushTarget) -> PeriodicExportingMetricReader:
        """The reader that pushes. Each push goes through the chain from its top to its end, the exporter."""
        scope = InstrumentationScope(METER)
        chain: list[Callable[[MetricExporter], MetricExporter]] = [
            partial(LiveGaugeExporter, gauges=self._attached.gauges, scope=scope, leads=self._worker.leads),
            partial(GoOnExporter, worker=self._worker),
            *([] if self._storage else [self._preinitialised]),
            partial(CleanExporter, but=METER),
            partial(WatchedMetrics, to=to),
        ]
        for wrapped in reversed(chain):
            exporter = wrapped(exporter)
        reader = PeriodicExportingMetricReader(exporter, self.settings.metric_export_interval_ms)
        if self._storage:
            in_cells(reader, CellStorage(self._worker.cells))
        return reader

    def _preinitialised(self, exporter: MetricExporter) -> MetricExporter:
        return PreinitialisedExporter(exporter, self._attached.histograms, METER)

    def _read_by(self, readers: Sequence[MetricReader], who: Resource) -> MeterProvider:
        """The provider of these readers, with a view for each metric."""
        by = views(METER, self._attached.metrics, self.settings.http_server_metrics, self._storage)
        provider = MeterProvider(readers, who, shutdown_on_exit=False, views=list(by))
        if self._pushing and self._storage:
            hold_back(self._pushing, self._membership.may_push)
        return provider

    def _inherit(self) -> None:
        """Where other workers are, keep to a metric's cardinality limit with them."""
        if self._worker.is_filed:
            self._inheritance = Inheritance(self._worker, METER, self._attached.handles)

    def _wire(self, provider: MeterProvider) -> None:
        """Put an instrument of one meter behind every handle, and what is known beforehand at 0."""
        meter, locate = provider.get_meter(METER), writer if self._storage else None
        for handle in self._attached.handles.values():
            name, unit, description = handle.metric.name, handle.metric.unit, handle.metric.description
            if isinstance(handle, Counter):
                handle.wire(meter.create_counter(name, unit, description), locate)
            elif isinstance(handle, Histogram):
                handle.wire(meter.create_histogram(name, unit, description), locate)
            elif isinstance(handle, Gauge):
                handle.share(self._worker)
        preinitialise.label_sets(self._attached.handles)
        guard.count = _count_fault
        guard.count_due()

    def wait_for_work(self) -> None:
        """Count nothing until this process serves or records; and so in each that is forked from it."""
        if self._provider and self._storage:
            self._membership.rest()
            self._reconnect()
            at_fork(collection_lock(self._provider), self._forked)

    def await_requests(self) -> None:
        """An application is here: this process serves it, or only starts those that do."""
        self._membership.awaits_requests = True

    def take_part(self) -> None:
        """Requests come to this process: let it count from now on, as one of the workers of its server."""
        self._membership.take_part(serves=True)

    def _settle(self) -> None:
        """This process has its place among the workers, and its name."""
        if self._storage:
            if self._storage.exemplars:
                exemplar_cells.follow(self._worker, self._storage.exemplars.cells)
            self._membership.port = served_port(self._environ) or self._membership.port
            who = self._resource(self._membership.port)
            for provider in (self._provider, self.tracer_provider):
                if provider:
                    rename(provider, who)
        self._inherit()
        self._reconnect()
        if not self._worker.serves:
            at_end(shutdown)

    def _forked(self) -> None:
        if self is _current:
            self.forked()

    def forked(self) -> None:
        """In a process just forked: begin as if just started, and leave what is the parent's."""
        if self._provider is None or self._storage is None:
            return
        try:
            self._membership.forked()
            if self._storage.exemplars:
                self._storage.exemplars.cells.move(None)
            forget_copied(self._provider, self._pushing)
        except Exception:
            guard.fault("record")
        for handle in self._attached.instrumented:
            handle.forked()
        for gauge in self._attached.gauges:
            gauge.forked()

    def _reconnect(self) -> None:
        """Let every handle ask anew where it writes."""
        for handle in self._attached.instrumented:
            handle.reconnect()

    def publish(self) -> None:
        """Make the providers the process's own, so that other people's instruments come out here too."""
        if self._provider is not None:
            otel_metrics.set_meter_provider(self._provider)
        if self.tracer_provider is not None:
            otel_trace.set_tracer_provider(self.tracer_provider)

    def flush(self) -> None:
        """Push what is recorded now; waits 5 s at most. The provider's own force_flush would leave a copy
        in the Prometheus reader, and the next scrape would show every series twice."""

        def push() -> None:
            if self._pushing is not None:
                self._pushing.force_flush(FLUSH_MS)
            if self.tracer_provider is not None:
                self.tracer_provider.force_flush(FLUSH_MS)

        self._stuck = not at_most(FLUSH_MS / 1000, push)

    def shutdown(self) -> None:
        """Push once more, stop the threads, and let the handles record nothing; all series end. Waits 5 s
        at most, and not at all for a receiver that the last flush waited for in vain."""

        def stop() -> None:
            if self._provider is not None:
                self._provider.shutdown(FLUSH_MS)
            if self.tracer_provider is not None:
                self.tracer_provider.shutdown()

        if self.listener:
            self.listener.close()
        for instrumented in self._attached.instrumented:
            instrumented.wire(IDLE)
        if self._inheritance:
            self._inheritance.close()
        at_most(0 if self._stuck else FLUSH_MS / 1000, stop)
        guard.count = None
        for handle in self._attached.handles.values():
            handle.forget()


def _count_fault(step: Step, number: int) -> None:
    """Straight into the instrument: a handle would call the guard, which is the caller."""
    errors_total.instrument.add(number, {"error_type": step, "component": "telemetry"})


_lock = threading.Lock()
_current: Pipeline | None = None


def start(environ: Mapping[str, str] | None = None, **overrides: Any) -> Pipeline:
    """Start the process's pipeline from the OTEL_* variables, once; later calls return the same.

    `overrides` replace single settings by field name. Raises SettingsError, with key, value and expectation.
    """
    global _current  # noqa: PLW0603 - the one pipeline of the process
    with _lock:
        if _current is None:
            environ = os.environ if environ is None else environ
            settings = load(environ, **overrides)
            for name, nearest in misspelt(environ).items():
                _log.warning("%s is set, and nothing reads it; did you mean %s?", name, nearest)
            guard.strict = guard.strict or settings.strict
            _current = Pipeline(settings, environ, is_quiet=True)
            _current.publish()
            _current.wait_for_work()
            atexit.register(shutdown)
            _log.info(
                "telemetry started: service=%s metrics=%s traces=%s",
                settings.service_name,
                "disabled" if settings.sdk_disabled else ",".join(settings.metrics_exporters) or "none",
                settings.traces_exporter,
            )
        return _current


def shutdown() -> None:
    """Stop the process's pipeline: push what is left, end its threads. Does nothing where none runs."""
    global _current  # noqa: PLW0603 - the one pipeline of the process
    with _lock:
        atexit.unregister(shutdown)
        if _current is not None:
            _current.shutdown()
        _current = None


def current() -> Pipeline | None:
    """The process's pipeline, if it runs."""
    return _current
