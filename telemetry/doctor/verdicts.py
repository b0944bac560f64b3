"""Every verdict there is: how grave, what it means, what it leads to. docs/doctor.md has this as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Verdict:
    """One verdict. `leads_to`: what becomes of the numbers, or of the service."""

    severity: Severity
    means: str
    leads_to: str


VERDICTS: Mapping[str, Verdict] = {
    "setting": Verdict(
        "fault", "a variable has a value that cannot be used", "the service does not start with it"
    ),
    "setting.unknown": Verdict(
        "warning", "nothing reads this variable; its name is close to one that is read", "it has no effect"
    ),
    "temporality": Verdict(
        "fault",
        "numbers would be pushed as differences (delta, lowmemory), not as totals",
        "Prometheus refuses the whole push, and remote write drops counters and histograms",
    ),
    "headers": Verdict(
        "fault",
        "the headers of the push cannot be read as they are written",
        "the service does not start with them; other SDKs send them without the credentials",
    ),
    "authorization": Verdict(
        "fault",
        "the authorization header is not what its scheme asks for",
        "a backend that checks it answers 401",
    ),
    "exponential": Verdict(
        "warning",
        "histograms of other libraries would be exponential; ours have fixed buckets in any case",
        "they have no _bucket series: histogram_quantile() over their buckets answers nothing",
    ),
    "nothing-pushed": Verdict(
        "warning", "an OTLP endpoint is set, and nothing is pushed to it", "the endpoint stays empty"
    ),
    "timeout": Verdict(
        "warning",
        "the timeout of a push is at least as long as the interval; it is in seconds, not milliseconds",
        "a backend that hangs holds up the pushes after it",
    ),
    "instance.shared": Verdict(
        "warning",
        "service.instance.id is set from outside, so every server with this environment has the same",
        "pushes of several servers overwrite each other: counters jump up and down, rate() sees resets; "
        "workers of one server are told apart",
    ),
    "namespace": Verdict(
        "warning",
        "service.namespace is set",
        "what is pushed gets job=namespace/name, what is scraped the scrape's job_name: the two do not match",
    ),
    "unresolved": Verdict("fault", "the host name has no address", "every push fails"),
    "refused": Verdict("fault", "nobody listens at the endpoint", "every push fails"),
    "unreachable": Verdict(
        "fault", "the endpoint cannot be reached", "every push fails, each after its timeout"
    ),
    "proxy": Verdict(
        "fault", "a proxy stands between, and does not let the push through", "every push fails"
    ),
    "tls.untrusted": Verdict(
        "fault", "the certificate is from an authority that is not trusted here", "every push fails"
    ),
    "tls.hostname": Verdict("fault", "the certificate is for another host name", "every push fails"),
    "tls.expired": Verdict("fault", "the certificate's time is over, or has not begun", "every push fails"),
    "tls.wanted": Verdict("fault", "the port speaks TLS, the endpoint says plain HTTP", "every push fails"),
    "tls.unwanted": Verdict("fault", "the endpoint says TLS, the port speaks none", "every push fails"),
    "tls.client": Verdict("fault", "the server asks for a certificate of ours", "every push fails"),
    "tls": Verdict("fault", "no TLS connection comes about", "every push fails"),
    "protocol": Verdict("fault", "the port speaks another protocol than the one set", "every push fails"),
    "silent": Verdict(
        "fault", "the connection is taken, and the push is not answered", "every push fails after its timeout"
    ),
    "answer.401": Verdict("fault", "the backend does not accept the credentials", "every push is refused"),
    "answer.403": Verdict(
        "fault", "the credentials are known, and may not write here", "every push is refused"
    ),
    "answer.404": Verdict("fault", "the endpoint's path takes no OTLP", "every push is refused"),
    "answer.405": Verdict("fault", "the endpoint's path takes no POST", "every push is refused"),
    "answer.415": Verdict("fault", "the backend does not take this protocol", "every push is refused"),
    "answer.400": Verdict("fault", "the backend finds the push malformed", "every push is refused"),
    "answer.413": Verdict("fault", "the backend finds even an empty push too large", "every push is refused"),
    "answer.429": Verdict("fault", "a rate limit of the backend is reached", "pushes are lost at times"),
    "answer.3xx": Verdict(
        "fault",
        "the endpoint redirects",
        "the exporter follows no redirect: every push is lost",
    ),
    "answer.not-otlp": Verdict(
        "fault",
        "something answers with success that is no OTLP receiver, such as a web page",
        "every push is lost",
    ),
    "answer.5xx": Verdict(
        "fault", "the backend, or a gateway before it, is not able to take pushes now", "pushes are lost"
    ),
    "answer": Verdict("fault", "the backend refuses the push", "every push is refused"),
    "endpoint.path": Verdict(
        "warning",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is used as it is, and has no /v1/metrics",
        "most backends answer 404",
    ),
    "endpoint.doubled": Verdict(
        "warning",
        "OTEL_EXPORTER_OTLP_ENDPOINT gets /v1/metrics added, and has it already",
        "most backends answer 404",
    ),
    "endpoint.port": Verdict(
        "warning", "the port is by custom that of the other protocol", "pushes fail, unless it is not so here"
    ),
    "endpoint.scheme": Verdict(
        "warning",
        "an endpoint without http:// or https:// means TLS over grpc",
        "a collector that speaks plain grpc is not reached",
    ),
    "interval": Verdict(
        "fault",
        "the service pushes at another interval than the one at which Prometheus scrapes",
        "steps in every graph, and rate() over few scrapes jumps; alerts see other numbers than on a scrape",
    ),
    "interval.assumed": Verdict(
        "warning",
        "the service pushes at another interval than the shipped scrape configs have",
        "steps in every graph, and rate() over few scrapes jumps; alerts see other numbers than on a scrape",
    ),
    "double": Verdict(
        "fault",
        "one backend gets the same process by scrape and by push",
        "every sum, rate and alert counts each event twice",
    ),
    "double.possible": Verdict(
        "warning",
        "metrics are scraped and pushed",
        "where both end in one backend, every sum, rate and alert counts each event twice",
    ),
    "series": Verdict("fault", "more active series than the limit", "the backend refuses the newest series"),
    "points": Verdict(
        "fault", "more data points per minute than the limit", "pushes are refused, or cost more"
    ),
    "metrics.unread": Verdict(
        "warning", "/metrics cannot be read", "the estimate is from the catalogue only"
    ),
    "prometheus": Verdict("fault", "Prometheus does not answer", "what it stores could not be checked"),
    "metrics.port": Verdict(
        "fault",
        "the port that the metrics are to have is another program's",
        "the service does not start with it",
    ),
    "target.down": Verdict(
        "fault", "Prometheus cannot scrape the service", "nothing of the service is stored"
    ),
    "target.none": Verdict(
        "fault",
        "the service is to be scraped, and no target of Prometheus has its metrics",
        "nothing of the service is stored",
    ),
    "bind": Verdict(
        "fault",
        "the service listens on loopback only, and Prometheus runs in Docker",
        "host.docker.internal:PORT is refused: the target is down",
    ),
    "bind.unknown": Verdict(
        "warning",
        "no address of this machine that a container could use was found",
        "whether Prometheus in Docker reaches the service was not checked",
    ),
}
