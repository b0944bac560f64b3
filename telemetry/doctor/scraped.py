"""Whether the metrics can be scraped as the settings say: their token, and the port of their own."""

from __future__ import annotations

from collections.abc import Iterator

from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.proxies import get
from telemetry.doctor.subject import Subject
from telemetry.scrape import listener
from telemetry.scrape.token import TokenFile
from telemetry.settings import LISTENER_PORT, TOKEN_FILE, SettingsError

OURS = "our metrics"
_SIGN = "telemetry_overflow_total"
OF_METRICS = ("text/plain", "application/openmetrics-text")


def token(subject: Subject) -> Iterator[Finding]:
    """A file that the service would not start with."""
    path = subject.settings.token_file
    if not subject.settings.prometheus or not path:
        return
    try:
        TokenFile(path).read()
    except SettingsError as error:
        yield found("setting", str(error), f"printf %s TOKEN > {path} && chmod 600 {path}")
    else:
        yield passed(f"{TOKEN_FILE}={path}: one token, and nobody else may read it")


def port(subject: Subject) -> Iterator[Finding]:
    """A port that is free or answers with metrics; another program's answers with something else."""
    if subject.offline or not subject.settings.listens:
        return
    where = listener.where(subject.settings)
    try:
        listener.check(subject.settings)
    except SettingsError as error:
        answered = _answered(where, subject)
        if answered == OURS:
            yield passed(f"the metrics are at {where}")
        else:
            yield found("metrics.port", f"{error}; {where}: {answered}", f"{LISTENER_PORT}=a free port")
    else:
        yield passed(f"the metrics will be at {where}; the service does not run now")


def _answered(url: str, subject: Subject) -> str:
    """OURS, or what came instead."""
    import requests

    from telemetry.push.failures import in_words

    try:
        response = get(url, timeout=subject.timeout, headers=credentials(subject), allow_redirects=False)
    except requests.RequestException as error:
        return in_words(error)
    kind = response.headers.get("content-type", "")
    if response.status_code != requests.codes.ok:
        return str(response.status_code)
    if not kind.startswith(OF_METRICS):
        return f"an answer of {kind or 'no type'}"
    return OURS if _SIGN in response.text else "another program's metrics"


def credentials(subject: Subject) -> dict[str, str]:
    """The header that a scrape needs; none where the file cannot be used."""
    path = subject.settings.token_file
    if not path:
        return {}
    try:
        return {"Authorization": TokenFile(path).header}
    except SettingsError:
        return {}
