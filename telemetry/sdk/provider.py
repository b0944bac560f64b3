"""What the pipeline asks of the SDK's providers beyond their public interface."""

from __future__ import annotations

import threading

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider


def rename(provider: MeterProvider | TracerProvider, resource: Resource) -> None:
    """Replace a provider's resource, once the process knows its place among the workers."""
    provider._update_resource(resource)


def collection_lock(provider: MeterProvider) -> threading.Lock:
    """The lock that a thread holds during a collection."""
    lock: threading.Lock = provider._measurement_consumer._lock
    return lock
