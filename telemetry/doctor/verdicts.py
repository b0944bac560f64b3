"""Every verdict: how grave, what it means, what it leads to; a table in docs/reference/doctor.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Diagnosis:
    """One verdict. `leads_to`: what becomes of the numbers, or of the service."""

    severity: Severity
    means: str
    leads_to: str


VERDICTS: Mapping[str, Diagnosis] = {
    "setting": Diagnosis(
        "fault", "a variable has a value that cannot be used", "the service does not start with it"
    ),
    "setting.unknown": Diagnosis(
        "warning", "nothing reads this variable; its name is close to one that is read", "it has no effect"
    ),
    "temporality": Diagnosis(
        "fault",
        "numbers would be pushed as differences (delta, lowmemory), not as totals",
        "Prometheus refuses the whole push, and remote write drops counters and histograms",
    ),
    "headers": Diagnosis(
        "fault",
        "the headers of the push cannot be read as they are written",
        "the service does not start with them; other SDKs send them without the credentials",
    ),
    "authorization": Diagnosis(
        "fault",
        "the authorization header is not what its scheme asks for",
        "a backend that checks it answers 401",
    ),
    "exponential": Diagnosis(
        "warning",
        "histograms of other libraries would be exponential; ours have fixed buckets in any case",
        "they have no _bucket series: histogram_quantile() over their buckets answers nothing",
    ),
    "nothing-pushed": Diagnosis(
        "warning", "an OTLP endpoint is set, and nothing is pushed to it", "the endpoint stays empty"
    ),
    "timeout": Diagnosis(
        "warning",
        "the timeout of a push is at least as long as the interval; it is in seconds, not milliseconds",
        "a backend that hangs holds up the pushes after it",
    ),
    "instance.shared": Diagnosis(
        "warning",
        "service.instance.id is set from outside, so every server with this environment has the same",
        "pushes of several servers overwrite each other: counters jump up and down, rate() sees resets; "
        "workers of one server are told apart",
    ),
    "namespace": Diagnosis(
        "warning",
        "service.namespace is set",
        "what is pushed gets job=namespace/name, what is scraped the scrape's job_name: the two do not match",
    ),
    "unresolved": Diagnosis("fault", "the host name has no address", "every push fails"),
    "refused": Diagnosis("fault", "nobody listens at the endpoint", "every push fails"),
    "unreachable": Diagnosis(
        "fault", "the endpoint cannot be reached", "every push fails, each after its timeout"
    ),
    "proxy": Diagnosis(
        "fault", "a proxy stands between, and does not let the push through", "every push fails"
    ),
    "tls.untrusted": Diagnosis(
        "fault", "the certificate is from an authority that is not trusted here", "every push fails"
    ),
    "tls.hostname": Diagnosis("fault", "the certificate is for another host name", "every push fails"),
    "tls.expired": Diagnosis("fault", "the certificate's time is over, or has not begun", "every push fails"),
    "tls.wanted": Diagnosis("fault", "the port speaks TLS, the endpoint says plain HTTP", "every push fails"),
    "tls.unwanted": Diagnosis("fault", "the endpoint says TLS, the port speaks none", "every push fails"),
    "tls.client": Diagnosis("fault", "the server asks for a certificate of ours", "every push fails"),
    "tls": Diagnosis("fault", "no TLS connection comes about", "every push fails"),
    "protocol": Diagnosis("fault", "the port speaks another protocol than the one set", "every push fails"),
    "silent": Diagnosis(
        "fault", "the connection is taken, and the push is not answered", "every push fails after its timeout"
    ),
    "answer.401": Diagnosis("fault", "the backend does not accept the credentials", "every push is refused"),
    "answer.403": Diagnosis(
        "fault", "the credentials are known, and may not write here", "every push is refused"
    ),
    "answer.404": Diagnosis("fault", "the endpoint's path takes no OTLP", "every push is refused"),
    "answer.405": Diagnosis("fault", "the endpoint's path takes no POST", "every push is refused"),
    "answer.415": Diagnosis("fault", "the backend does not take this protocol", "every push is refused"),
    "answer.400": Diagnosis("fault", "the backend finds the push malformed", "every push is refused"),
    "answer.413": Diagnosis(
        "fault", "the backend finds even an empty push too large", "every push is refused"
    ),
    "answer.429": Diagnosis("fault", "a rate limit of the backend is reached", "pushes are lost at times"),
    "answer.3xx": Diagnosis(
        "fault",
        "the endpoint redirects",
        "the exporter follows no redirect: every push is lost",
    ),
    "answer.not-otlp": Diagnosis(
        "fault",
        "something answers with success that is no OTLP receiver, such as a web page",
        "every push is lost",
    ),
    "answer.5xx": Diagnosis(
        "fault", "the backend, or a gateway before it, is not able to take pushes now", "pushes are lost"
    ),
    "answer": Diagnosis("fault", "the backend refuses the push", "every push is refused"),
    "endpoint.path": Diagnosis(
        "warning",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is used as it is, and has no /v1/metrics",
        "most backends answer 404",
    ),
    "endpoint.doubled": Diagnosis(
        "warning",
        "OTEL_EXPORTER_OTLP_ENDPOINT gets /v1/metrics added, and has it already",
        "most backends answer 404",
    ),
    "endpoint.port": Diagnosis(
        "warning", "the port is by custom that of the other protocol", "pushes fail, unless it is not so here"
    ),
    "endpoint.scheme": Diagnosis(
        "warning",
        "an endpoint without http:// or https:// means TLS over grpc",
        "a collector that speaks plain grpc is not reached",
    ),
    "interval": Diagnosis(
        "fault",
        "the service pushes at another interval than the one at which Prometheus scrapes",
        "steps in every graph, and rate() over few scrapes jumps; alerts see other numbers than on a scrape",
    ),
    "interval.assumed": Diagnosis(
        "warning",
        "the service pushes at another interval than the shipped scrape configs have",
        "steps in every graph, and rate() over few scrapes jumps; alerts see other numbers than on a scrape",
    ),
    "double": Diagnosis(
        "fault",
        "one backend gets the same process by scrape and by push",
        "every sum, rate and alert counts each event twice",
    ),
    "double.possible": Diagnosis(
        "warning",
        "metrics are scraped and pushed",
        "where both end in one backend, every sum, rate and alert counts each event twice",
    ),
    "series": Diagnosis(
        "fault", "more active series than the limit", "the backend refuses the newest series"
    ),
    "points": Diagnosis(
        "fault", "more data points per minute than the limit", "pushes are refused, or cost more"
    ),
    "metrics.unread": Diagnosis(
        "warning", "/metrics cannot be read", "the estimate is from the catalogue only"
    ),
    "prometheus": Diagnosis("fault", "Prometheus does not answer", "what it stores could not be checked"),
    "metrics.port": Diagnosis(
        "fault",
        "the port that the metrics are to have is another program's",
        "the service does not start with it",
    ),
    "target.down": Diagnosis(
        "fault", "Prometheus cannot scrape the service", "nothing of the service is stored"
    ),
    "target.none": Diagnosis(
        "fault",
        "the service is to be scraped, and no target of Prometheus has its metrics",
        "nothing of the service is stored",
    ),
    "bind": Diagnosis(
        "fault",
        "the service listens on loopback only, and Prometheus runs in Docker",
        "host.docker.internal:PORT is refused: the target is down",
    ),
    "bind.unknown": Diagnosis(
        "warning",
        "no address of this machine that a container could use was found",
        "whether Prometheus in Docker reaches the service was not checked",
    ),
}
