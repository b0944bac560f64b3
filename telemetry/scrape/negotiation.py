"""Which format a scraper gets: the best of those written here that its Accept header takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

PLAIN_TEXT = "text/plain"
OPENMETRICS = "application/openmetrics-text"
ALLOW_UTF8, UNDERSCORES = "allow-utf-8", "underscores"


class Format(NamedTuple):
    """A format that is written here. `escaping`: the scheme of names that the client asked about, if any."""

    media: str
    version: str
    escaping: str = ""

    @property
    def is_openmetrics(self) -> bool:
        """Whether it ends with `# EOF` and has exemplars."""
        return self.media == OPENMETRICS

    @property
    def content_type(self) -> str:
        """What the answer's header claims."""
        escaping = f"; escaping={self.escaping}" if self.escaping else ""
        return f"{self.media}; version={self.version}; charset=utf-8{escaping}"


TEXT = Format(PLAIN_TEXT, "0.0.4")
FORMATS = (TEXT, Format(OPENMETRICS, "1.0.0"), Format(PLAIN_TEXT, "1.0.0"))
"""What is written, in the order in which an undecided client gets it."""
_UNVERSIONED = {PLAIN_TEXT: "0.0.4", OPENMETRICS: "1.0.0"}


class _Range(NamedTuple):
    """One element of an Accept header."""

    media: str
    parameters: Mapping[str, str]
    quality: float
    place: int

    def fit(self, offer: Format) -> int:
        """How closely it names a format; 0: not at all."""
        if self.media == offer.media:
            version = self.parameters.get("version")
            if version is None:
                return 3 if offer.version == _UNVERSIONED[offer.media] else 0
            return 4 if version == offer.version else 0
        kind, _, rest = self.media.partition("/")
        if rest == "*" and kind in ("*", offer.media.partition("/")[0]):
            return 1 if kind == "*" else 2
        return 0


def chosen(accept: str) -> Format:
    """The format of the answer: by quality, then by the header's order. Text 0.0.4 where none is acceptable,
    for a scraper that says nothing of use wants metrics rather than a 406."""
    best, found = (0.0, 0), TEXT
    ranges = list(_ranges(accept))
    for offer in FORMATS:
        closest = max(ranges, key=lambda one: (one.fit(offer), one.quality), default=None)
        if closest and closest.fit(offer) and closest.quality and (closest.quality, -closest.place) > best:
            best, found = (closest.quality, -closest.place), offer._replace(escaping=_escaping(closest))
    return found


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a body may be compressed."""
    qualities = {one.media: one.quality for one in _ranges(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _ranges(header: str) -> Iterator[_Range]:
    for place, element in enumerate(header.split(","), 1):
        media, *parameters = [part.strip() for part in element.split(";")]
        if media:
            pairs = [part.partition("=") for part in parameters]
            named = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
            yield _Range(media.lower(), named, _quality(named.get("q", "1")), place)


def _quality(text: str) -> float:
    """From 0 to 1; what is no number counts as 1, as if it were not there."""
    try:
        quality = float(text)
    except ValueError:
        return 1.0
    return min(1.0, quality) if quality > 0 else 0.0  # NaN is no wish


def _escaping(asked: _Range) -> str:
    """Names of ours are the same under either; other schemes are not written here."""
    wanted = asked.parameters.get("escaping")
    if wanted is None:
        return ""
    return ALLOW_UTF8 if wanted == ALLOW_UTF8 else UNDERSCORES
