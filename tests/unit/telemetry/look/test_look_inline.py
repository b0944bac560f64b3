"""One document from many files: modules, styles, and what it would ask."""

from __future__ import annotations

import base64
import json
import re

from telemetry.look.inline import document
from telemetry.look.page import File

INDEX = """<!doctype html>
<html lang="en"><head><base href="/">
<link rel="stylesheet" href="static/style.css">
<script type="module" src="static/js/main.js"></script>
</head><body></body></html>
"""
FILES = {
    "index.html": INDEX,
    "style.css": "b{color:red}",
    "js/main.js": 'import { a } from "./a.js";\nimport "../vendor/u/u.js";\nexport { b } from \'./a.js\';\n',
    "js/a.js": "export const a = 1;\n",
    "vendor/u/u.js": "export default 2;\n",
}


def made(snapshot: object) -> str:
    return document({name: File(text.encode(), "") for name, text in FILES.items()}, snapshot)


def test_nothing_is_left_that_would_be_fetched() -> None:
    """No base, no src, no href; the policy allows this document's own scripts and styles alone."""
    page = made({})
    assert not re.search(r"<base|\bsrc=|\bhref=", page)
    assert page.count("b{color:red}") == 1
    assert '<html data-snapshot="true" lang="en">' in page
    (nonce,) = set(re.findall(r'nonce="([^"]+)"', page))
    assert f"default-src &#x27;none&#x27;; script-src &#x27;nonce-{nonce}&#x27;" in page
    assert made({}) != page, "a nonce that is known beforehand is none"


def test_modules_find_each_other_by_name() -> None:
    """A relative name means nothing in a document without an address."""
    page = made({})
    (text,) = re.findall(r'<script type="importmap" nonce="[^"]+">(.*?)</script>', page)
    modules = {
        name: base64.b64decode(url.removeprefix("data:text/javascript;base64,")).decode()
        for name, url in json.loads(text)["imports"].items()
    }
    assert modules == {
        "look:js/a.js": "export const a = 1;\n",
        "look:js/main.js": (
            'import { a } from "look:js/a.js";\nimport "look:vendor/u/u.js";\n'
            "export { b } from 'look:js/a.js';\n"
        ),
        "look:vendor/u/u.js": "export default 2;\n",
    }
    assert 'import "look:js/main.js";' in page


def test_no_text_ends_its_element() -> None:
    """A label is anybody's word."""
    told = {"answers": {"x": "</script><script>alert(1)</script><!--\u2028"}}
    page = made(told)
    (text,) = re.findall(r'<script type="application/json" id="snapshot">(.*?)</script>', page)
    assert json.loads(text) == told
    assert "<script>alert" not in page
    assert "<!--" not in page
