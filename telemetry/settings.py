"""Settings of the pipeline: the standard OTEL_* variables, checked before anything starts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from telemetry.secrets import shown

SERVICE_NAME = "reviewlens-api"
LONGEST_INTERVAL_MS = 86_400_000
EXPORT_INTERVAL_MS = 10_000
TOKEN_FILE = "TELEMETRY_METRICS_TOKEN_FILE"  # noqa: S105 - the name of a variable
LISTENER_HOST, LISTENER_PORT = "OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT"
METRICS_EXPORTERS = ("prometheus", "otlp")

Exporter = Literal["prometheus", "otlp"]
Signal = Literal["metrics", "traces"]
Model = TypeVar("Model", bound=BaseModel)

_log = logging.getLogger("telemetry")


class SettingsError(ValueError):
    """A variable whose value cannot be used: names the key, the value and what was expected."""


def _exporters(given: Any) -> Any:
    """`prometheus,otlp` as a tuple; `none` as an empty one."""
    if not isinstance(given, str):
        return given
    names = tuple(name.strip().lower() for name in given.split(",") if name.strip())
    return () if names == ("none",) else names


def lower(given: Any) -> Any:
    """Names are the same in any case, as in the SDK."""
    return given.strip().lower() if isinstance(given, str) else given


def _flag(given: Any) -> Any:
    """The specification of OTel for its flags: true is true, in any case, and nothing else is."""
    return given.strip().lower() == "true" if isinstance(given, str) else given


_FLAG = BeforeValidator(_flag)
StandardFlag = Annotated[bool, _FLAG]
"""A flag of OTel's own. What is neither true nor false is false, and a warning says so."""


def variable(name: str, expected: str, default: Any, secret: bool = False) -> Any:
    """A field that a variable of the environment gives. No message shows the value of a secret one."""
    return Field(default, validation_alias=name, description=expected, repr=not secret)


class Settings(BaseModel, frozen=True):
    """What the composition root needs to know. What only an exporter reads stays with that exporter."""

    sdk_disabled: StandardFlag = variable(
        "OTEL_SDK_DISABLED", "true or false; true leaves the app running without telemetry", False
    )
    service_name: str = variable(
        "OTEL_SERVICE_NAME", "the name under which the service is known", SERVICE_NAME
    )
    metrics_exporters: Annotated[tuple[Exporter, ...], BeforeValidator(_exporters)] = variable(
        "OTEL_METRICS_EXPORTER", "prometheus, otlp, prometheus,otlp or none", ("prometheus",)
    )
    metric_export_interval_ms: Annotated[int, Field(ge=100, le=LONGEST_INTERVAL_MS)] = variable(
        "OTEL_METRIC_EXPORT_INTERVAL",
        f"milliseconds between two OTLP exports, 100 to {LONGEST_INTERVAL_MS}",
        EXPORT_INTERVAL_MS,
    )
    temporality: Annotated[Literal["cumulative"], BeforeValidator(lower)] = variable(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "cumulative; Prometheus backends drop or reject every other",
        "cumulative",
    )
    traces_exporter: Annotated[Literal["none", "otlp", "console"], BeforeValidator(lower)] = variable(
        "OTEL_TRACES_EXPORTER", "none, otlp or console", "none"
    )
    exemplar_filter: Annotated[Literal["trace_based", "always_on", "always_off"], BeforeValidator(lower)] = (
        variable(
            "OTEL_METRICS_EXEMPLAR_FILTER",
            "trace_based: with traces on, exemplars name sampled spans; always_off: there are none; "
            "always_on differs for other people's instruments only",
            "trace_based",
        )
    )
    http_server_metrics: bool = variable(
        "REVIEWLENS_HTTP_SERVER_METRICS",
        "true or false; true also exports http.server.* of other instrumentations, which doubles the series",
        False,
    )

    strict: bool = variable(
        "TELEMETRY_STRICT",
        "true or false; true lets faults inside telemetry raise, for tests: a response may then fail by one",
        False,
    )

    metrics_path: Annotated[str, Field(pattern=r"^(/[\w.~-]+)+$")] = variable(
        "TELEMETRY_METRICS_PATH",
        "the path of the metrics, such as /internal/metrics; unset, they leave /metrics to an application "
        "that has it itself, and go to /telemetry/metrics",
        "/metrics",
    )
    prometheus_client: bool = variable(
        "TELEMETRY_PROMETHEUS_CLIENT",
        "true or false; true also shows what prometheus_client's default registry has",
        False,
    )

    state_dir: str = variable(
        "TELEMETRY_STATE_DIR",
        "the folder for the files that the workers of a server share; unset, REVIEWLENS_STATE_DIR, else "
        ".run/state",
        "",
    )
    token_file: str = variable(
        TOKEN_FILE,
        "a file with the token that a scraper sends (Authorization: Bearer ...); only its owner and group "
        "may read it; a new token counts at once. Unset, whoever reaches the port reads the metrics",
        "",
    )
    listener_host: str = variable(
        LISTENER_HOST,
        "the address of a port for the metrics alone; it or the port's number opens one",
        "localhost",
    )
    listener_port: Annotated[int, Field(ge=1, le=65_535)] = variable(
        LISTENER_PORT,
        "its number, 1 to 65535; the service's own port answers 404 for the metrics then",
        9464,
    )

    @property
    def listens(self) -> bool:
        """Whether the metrics have a port of their own."""
        return self.prometheus and not self.model_fields_set.isdisjoint({"listener_host", "listener_port"})

    @property
    def chose_path(self) -> bool:
        """Whether somebody wants the metrics at this path and no other."""
        return "metrics_path" in self.model_fields_set

    @property
    def prometheus(self) -> bool:
        """Whether /metrics answers."""
        return not self.sdk_disabled and "prometheus" in self.metrics_exporters

    @property
    def otlp(self) -> bool:
        """Whether metrics are pushed."""
        return not self.sdk_disabled and "otlp" in self.metrics_exporters

    @property
    def pushed(self) -> tuple[Signal, ...]:
        """What is pushed by OTLP."""
        signals: dict[Signal, bool] = {
            "metrics": self.otlp,
            "traces": self.traces and self.traces_exporter == "otlp",
        }
        return tuple(signal for signal, is_pushed in signals.items() if is_pushed)

    @property
    def traces(self) -> bool:
        """Whether spans are made."""
        return not self.sdk_disabled and self.traces_exporter != "none"

    @property
    def exemplars(self) -> bool:
        """Whether values are kept with the span that they came in."""
        return self.traces and self.exemplar_filter != "always_off"


def rows(model: type[BaseModel]) -> dict[str, tuple[str, Any]]:
    """Every variable that a model reads: what is expected, and the default."""
    return {
        str(field.validation_alias): (str(field.description), field.default)
        for field in model.model_fields.values()
    }


def checked(model: type[Model], given: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Model:
    """The model made of values by variable. Raises SettingsError with key, value and what was expected.

    `names`: the variable that a value came from, where it is another.
    """
    fields = {str(field.validation_alias): field for field in model.model_fields.values()}
    names = {key: (names or {}).get(key, key) for key in fields}
    try:
        made = model.model_validate(dict(given))
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        expected, default = rows(model)[key]
        default = ",".join(default) if isinstance(default, tuple) else default
        raise SettingsError(
            f"{names[key]}={_shown(given[key], fields[key].repr)}: expected {expected} (default {default!r})"
        ) from None
    for key, field in fields.items():
        value = given.get(key)
        if _FLAG in field.metadata and isinstance(value, str) and lower(value) not in ("true", "false"):
            _log.warning("%s=%r: expected true or false; taken as false", names[key], shown(value))
    return made


def _shown(value: Any, public: bool) -> str:
    return repr(shown(value)) if public else "***"


def _key(name: str) -> str:
    if name not in Settings.model_fields:
        raise SettingsError(f"{name!r} is no setting; expected one of {', '.join(Settings.model_fields)}")
    return str(Settings.model_fields[name].validation_alias)


def load(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Settings from an environment; `overrides` replace single ones by field name. Raises SettingsError.

    An empty variable is as good as none; OTEL_EXPORTER_OTLP_* matter only where something is pushed.
    """
    given: dict[str, Any] = {key: environ[key] for key in rows(Settings) if environ.get(key)}
    given |= {_key(name): value for name, value in overrides.items()}
    if not any(
        "otlp" in lower(given.get(key, "")) for key in ("OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER")
    ):
        given = {key: value for key, value in given.items() if not key.startswith("OTEL_EXPORTER_OTLP_")}
    return checked(Settings, given)
