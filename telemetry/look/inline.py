"""The page and all its files in one document, which asks nobody."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from html import escape
from posixpath import join, normpath
from typing import Any

from telemetry.look.page import BASE, INDEX, File

_IMPORT = re.compile(r"""(?P<before>\bfrom\s*|\bimport\s*)(?P<quote>["'])(?P<name>\.\.?/[^"']+)(?P=quote)""")
_STYLE = re.compile(r"""<link\s+rel="stylesheet"\s+href="static/(?P<name>[^"]+)"\s*/?>""")
_SCRIPT = re.compile(r"""<script\s+type="module"\s+src="static/(?P<name>[^"]+)"\s*></script>""")
_OWN = "look:"
"""Modules are known by look:NAME, as a relative name means nothing without an address."""


def document(files: Mapping[str, File], snapshot: Any) -> str:
    """The whole page with what it would ask. Its policy lets the scripts in it run, and nothing be asked."""
    nonce = secrets.token_urlsafe(16)
    page = BASE.sub("", files[INDEX].content.decode(), count=1).replace(
        "<html", '<html data-snapshot="true"', 1
    )
    page = _STYLE.sub(lambda found: f'<style nonce="{nonce}">{_text(files, found["name"])}</style>', page)
    page = _SCRIPT.sub(lambda found: _scripts(files, found["name"], nonce), page)
    data = f'<script type="application/json" id="snapshot">{_json(snapshot)}</script>'
    return page.replace("<head>", f"<head>{_policy(nonce)}", 1).replace("</body>", f"{data}</body>", 1)


def _policy(nonce: str) -> str:
    told = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{escape(told)}">'


def _scripts(files: Mapping[str, File], first: str, nonce: str) -> str:
    modules = {name: _module(files, name) for name in files if name.endswith(".js")}
    named = {
        _OWN + name: f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"
        for name, text in modules.items()
    }
    return (
        f'<script type="importmap" nonce="{nonce}">{_json({"imports": named})}</script>'
        f'<script type="module" nonce="{nonce}">import "{_OWN}{first}";</script>'
    )


def _module(files: Mapping[str, File], name: str) -> str:
    def own(found: re.Match[str]) -> str:
        target = normpath(join(name, "..", found["name"]))
        return f"{found['before']}{found['quote']}{_OWN}{target}{found['quote']}"

    return _IMPORT.sub(own, _text(files, name))


def _text(files: Mapping[str, File], name: str) -> str:
    return files[name].content.decode()


def _json(value: Any) -> str:
    """JSON that ends no element, whatever its texts say."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
