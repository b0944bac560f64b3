"""The origins of pages as browsers send them: scheme, host, and a port that is not the scheme's own."""

from __future__ import annotations

from urllib.parse import urlsplit

ANY = "*"
EXPECTED = (
    "expected origins such as https://shop.example, with a port where it has one, or * alone for every page"
)
_IN_NAMES = str.maketrans("", "", "-._")
_PORTS = {"http": 80, "https": 443}


def origins(text: str) -> list[str]:
    """The origins in a list separated by commas, each once. ValueError says which is none."""
    given = [part for part in (each.strip(" \t'\"") for each in text.split(",")) if part]
    read = list(dict.fromkeys(map(_origin, given)))
    if ANY in read and len(read) > 1:
        raise ValueError(f"* stands beside others: {EXPECTED}")
    return read


def _origin(text: str) -> str:
    if text == ANY:
        return ANY
    if text.lower() == "null":
        raise ValueError(f"null is the origin of every sandboxed page, whoever it is from: {EXPECTED}")
    try:
        url = urlsplit(text)
        port = url.port
        host = _host(url.hostname or "")
    except ValueError:
        raise ValueError(EXPECTED) from None
    if not (url.scheme and host) or "@" in url.netloc or port == 0 or url.path.strip("/"):
        raise ValueError(EXPECTED)
    if url.query or url.fragment or text.endswith(("?", "#")):
        raise ValueError(EXPECTED)
    return f"{url.scheme}://{host}" + ("" if port in {None, _PORTS.get(url.scheme)} else f":{port}")


def _host(name: str) -> str:
    """A host as it stands in the header: lower case, other scripts in their ASCII form."""
    if ":" in name:
        return f"[{name}]"
    import idna  # comes with httpx and requests

    plain = name.isascii() and name.translate(_IN_NAMES).isalnum()
    return name if plain else idna.encode(name, uts46=True).decode()
