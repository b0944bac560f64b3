"""An OTLP receiver that lets in only what is signed as AWS wants it, checked with botocore.

with sigv4_sink("key id", "secret", "eu-central-1", "monitoring") as sink:
    ...  # CLOUDWATCH_OTLP_ENDPOINT=sink.url
    sink.requests, sink.refused
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hmac import compare_digest

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from support.http_server import QuietHandler, http_server

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>\d{8}/\S+?/aws4_request), ?"
    r"SignedHeaders=(?P<signed>[\w;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass
class SigV4Sink:
    """What was let in, and why the rest was not."""

    key: str
    secret: str
    region: str
    service: str
    url: str = ""
    requests: list[ExportMetricsServiceRequest] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def fault(self, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
        """What is wrong with a request's signature; None when it is right."""
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if found is None:
            return "no signature"
        moment = headers.get("x-amz-date", "")
        if found["key"] != self.key or found["scope"] != self._scope(moment):
            return f"signed for {found['key']}, {found['scope']}"
        signed = found["signed"].split(";")
        if not {"host", "x-amz-date"} <= set(signed):
            return f"only {signed} are signed"
        return (
            None
            if compare_digest(self._signature(path, headers, body, signed), found["signature"])
            else "wrong"
        )

    def _scope(self, moment: str) -> str:
        return f"{moment[:8]}/{self.region}/{self.service}/aws4_request"

    def _signature(self, path: str, headers: Mapping[str, str], body: bytes, signed: list[str]) -> str:
        """What botocore signs the same request with."""
        auth = SigV4Auth(Credentials(self.key, self.secret), self.service, self.region)
        request = AWSRequest("POST", f"http://{headers['host']}{path}", data=body)
        for name in signed:
            request.headers[name] = headers[name]
        request.context["timestamp"] = headers["x-amz-date"]
        text: str = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        return text


@contextmanager
def sigv4_sink(key: str, secret: str, region: str, service: str) -> Iterator[SigV4Sink]:
    """The receiver on a free loopback port until the block ends. What it refuses gets 403, as from AWS."""
    sink = SigV4Sink(key, secret, region, service)

    class SignedHandler(QuietHandler):
        def do_POST(self) -> None:
            body = self.body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            fault = sink.fault(self.path, headers, body)
            if fault is None:
                plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
                sink.requests.append(ExportMetricsServiceRequest.FromString(plain))
            else:
                sink.refused.append(fault)
            self.answer(403 if fault else 200)

    with http_server(SignedHandler) as url:
        sink.url = f"{url}/v1/metrics"
        yield sink
