"""What a plain HTTP request gets when the application does not answer it. Constant texts: nothing is reflected."""

from __future__ import annotations

from collections.abc import Sequence

from wsframework.websocket.types import HttpResponse

__all__ = ["not_found", "status_page", "upgrade_required"]

_STATUS_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WebSocket endpoint</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1.5rem; }
</style>
</head>
<body>
<h1>WebSocket endpoint</h1>
<p>This server is up. It speaks the WebSocket protocol, which a browser's address bar does not:
open a connection to this address with a WebSocket client.</p>
</body>
</html>
"""


def status_page() -> HttpResponse:
    """For people who open the endpoint's address in a browser, and for health checks."""
    return HttpResponse(_STATUS_PAGE, content_type="text/html; charset=utf-8")


def upgrade_required(versions: Sequence[int]) -> HttpResponse:
    """RFC 9110 section 15.5.22: says which protocol to come back with."""
    text = ", ".join(str(version) for version in sorted(versions, reverse=True))
    headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": text}
    return HttpResponse("this address wants a WebSocket handshake\n", 426, "text/plain; charset=utf-8", headers)


def not_found() -> HttpResponse:
    """RFC 9110 section 15.5.5: no route leads from this path to anything."""
    return HttpResponse("there is nothing at this path\n", 404, "text/plain; charset=utf-8")
