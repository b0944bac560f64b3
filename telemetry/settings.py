"""Settings of the pipeline: the standard OTEL_* variables, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

SERVICE_NAME = "reviewlens-api"
EXPORT_INTERVAL_MS = 10_000
METRICS_EXPORTERS = ("prometheus", "otlp")

Exporter = Literal["prometheus", "otlp"]


class SettingsError(ValueError):
    """A variable whose value cannot be used: names the key, the value and what was expected."""


def _exporters(given: Any) -> Any:
    """`prometheus,otlp` as a tuple; `none` as an empty one."""
    if not isinstance(given, str):
        return given
    names = tuple(name.strip().lower() for name in given.split(",") if name.strip())
    return () if names == ("none",) else names


def _lower(given: Any) -> Any:
    """Names are the same in any case, as in the SDK."""
    return given.strip().lower() if isinstance(given, str) else given


def _flag(given: Any) -> Any:
    """The specification of OTel: true is true, in any case, and nothing else is."""
    return given.strip().lower() == "true" if isinstance(given, str) else given


def _variable(name: str, expected: str, default: Any) -> Any:
    return Field(default, validation_alias=name, description=expected)


class Settings(BaseModel, frozen=True):
    """What the composition root needs to know. What only an exporter reads stays with that exporter."""

    sdk_disabled: Annotated[bool, BeforeValidator(_flag)] = _variable(
        "OTEL_SDK_DISABLED", "true or false; true leaves the app running without telemetry", False
    )
    service_name: str = _variable(
        "OTEL_SERVICE_NAME", "the name under which the service is known", SERVICE_NAME
    )
    metrics_exporters: Annotated[tuple[Exporter, ...], BeforeValidator(_exporters)] = _variable(
        "OTEL_METRICS_EXPORTER", "prometheus, otlp, prometheus,otlp or none", ("prometheus",)
    )
    metric_export_interval_ms: Annotated[int, Field(ge=100)] = _variable(
        "OTEL_METRIC_EXPORT_INTERVAL",
        "milliseconds between two OTLP exports, 100 or more",
        EXPORT_INTERVAL_MS,
    )
    otlp_protocol: Annotated[Literal["http/protobuf"], BeforeValidator(_lower)] = _variable(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "http/protobuf"
    )
    temporality: Annotated[Literal["cumulative"], BeforeValidator(_lower)] = _variable(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "cumulative; Prometheus backends drop or reject every other",
        "cumulative",
    )
    traces_exporter: Annotated[Literal["none", "otlp", "console"], BeforeValidator(_lower)] = _variable(
        "OTEL_TRACES_EXPORTER", "none, otlp or console", "none"
    )
    http_server_metrics: Annotated[bool, BeforeValidator(_flag)] = _variable(
        "REVIEWLENS_HTTP_SERVER_METRICS",
        "true or false; true also exports http.server.* of other instrumentations, which doubles the series",
        False,
    )

    @property
    def prometheus(self) -> bool:
        """Whether /metrics answers."""
        return not self.sdk_disabled and "prometheus" in self.metrics_exporters

    @property
    def otlp(self) -> bool:
        """Whether metrics are pushed."""
        return not self.sdk_disabled and "otlp" in self.metrics_exporters

    @property
    def traces(self) -> bool:
        """Whether spans are made."""
        return not self.sdk_disabled and self.traces_exporter != "none"


def variables() -> dict[str, tuple[str, Any]]:
    """Every variable that Settings reads: what is expected, and the default."""
    return {
        str(field.validation_alias): (str(field.description), field.default)
        for field in Settings.model_fields.values()
    }


def _key(name: str) -> str:
    if name not in Settings.model_fields:
        raise SettingsError(f"{name!r} is no setting; expected one of {', '.join(Settings.model_fields)}")
    return str(Settings.model_fields[name].validation_alias)


def load(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Settings from an environment; `overrides` replace single ones by field name. Raises SettingsError.

    An empty variable is as good as none; OTEL_EXPORTER_OTLP_* matter only where something is pushed.
    """
    given: dict[str, Any] = {key: environ[key] for key in variables() if environ.get(key)}
    given |= {_key(name): value for name, value in overrides.items()}
    if not any(
        "otlp" in _lower(given.get(key, "")) for key in ("OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER")
    ):
        given = {key: value for key, value in given.items() if not key.startswith("OTEL_EXPORTER_OTLP_")}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        expected, default = variables()[key]
        default = ",".join(default) if isinstance(default, tuple) else default
        raise SettingsError(f"{key}={given[key]!r}: expected {expected} (default {default!r})") from None
