"""The page of `watch`: its sources in `live/`, with what the explorer's page has that it can use, put together."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache

from .explore import read
from .watch_log import Log

STYLES = ("page/base.css", "live/live.css")
SCRIPTS = ("page/words.js", "live/data.js", "live/lines.js", "live/layers.js", "live/ridge.js", "live/main.js")


@cache
def sources() -> tuple[str, str]:
    """The page's style and its script."""
    style, script = ("\n".join(map(read, names)) for names in (STYLES, SCRIPTS))
    return f"\n{style}\n", f'\n"use strict";\n{script}\n'


@cache
def policy(live: bool) -> str:
    """The Content-Security-Policy: this style and this script, known by their hashes, and if `live` the page's own server."""
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in sources())
    server = "'self'" if live else "'none'"
    return (f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; "
            f"connect-src {server}; base-uri 'none'; form-action 'none'")  # fmt: skip


def page(log: Log, live: bool = False) -> str:
    """The whole page, with the records kept; the data can't end the element that it is in."""
    style, script = sources()
    text = json.dumps(log.data(live=live), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {"POLICY": policy(live), "STYLE": style, "DATA": text, "SCRIPT": script}
    before, *rest = read("live/page.html").split("{{")
    return before + "".join(parts[name] + after for name, _, after in (piece.partition("}}") for piece in rest))
