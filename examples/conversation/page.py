"""A page with a policy under which the browser runs the page's own script and style, and nothing else."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from wsframework.websocket import HttpResponse


def page(name: str) -> HttpResponse:
    """The file of this name beside this one, to be served; its script and style are allowed by their hashes."""
    html = Path(__file__).with_name(name).read_text("utf-8")
    inline = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in inline)
    allowed = f"default-src {hashes}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    return HttpResponse(html, headers={"Content-Security-Policy": f"{allowed}; frame-ancestors 'none'"})
