"""One line about a connection or a listener that failed: where, why, and what to look at next."""

from __future__ import annotations

import errno
import re
from typing import Final

from wsframework._core.uri import WebSocketUri, bracket
from wsframework.cli.backends import NO_NAME, UNTRUSTED, Backend
from wsframework.exceptions import HandshakeError, HandshakeLost, HandshakeRejected

__all__ = ["of_connecting", "of_listening"]

# What OpenSSL says of an answer that is no TLS, which depends on its first octets.
_NO_TLS: Final = re.compile(
    "wrong version number|record layer failure|packet length too long|unknown protocol|unexpected eof"
)
# Servers with HTTP behind TLS answer a request without it in such words.
_WANTS_TLS: Final = re.compile(rb"\bHTTPS\b|\bSSL-enabled\b")


def of_connecting(backend: Backend, error: BaseException, uri: WebSocketUri, *, has_proxy: bool = False) -> str | None:
    """Why there is no connection with `uri`; None if that is no fault of the network or the server."""
    text = backend.explain(error)
    if text is None:
        return None
    is_refused = backend.error_number(error) == errno.ECONNREFUSED
    if has_proxy:
        # The proxy is what was connected to; what the server behind it wants cannot be seen from here.
        return f"{text} by the proxy; is it running?" if is_refused else text
    if text.startswith(NO_NAME):
        return f"{uri.host}: {text}"
    if is_refused or (uri.unix_path is not None and backend.error_number(error) == errno.ENOENT):
        return f"{uri.unix_path or _place(uri.host, uri.port)}: {text}; is a server running there?"
    if text.startswith(UNTRUSTED):
        return f"{text}; --ca FILE trusts what is signed by the certificates in FILE, -k any server"
    if uri.is_secure and _may_lack_tls(error, text):
        return f"{text.removesuffix('.')}; does this port speak TLS? If it does not, use ws://"
    if not uri.is_secure and _may_want_tls(error):
        return f"{text}; perhaps this port speaks TLS; if it does, use wss://"
    return text


def of_listening(backend: Backend, error: BaseException, host: str, port: int) -> str | None:
    """Why a server cannot listen there; None if that is no fault of the system."""
    text = backend.explain(error)
    if text is None:
        return None
    if backend.error_number(error) == errno.EADDRINUSE:
        return f"{_place(host, port)} is in use by another program; --port 0 takes a free one"
    return f"{_place(host, port)}: {text}"


def _place(host: str, port: int) -> str:
    return f"{bracket(host)}:{port}"


def _may_lack_tls(error: BaseException, text: str) -> bool:
    """Whoever does not expect TLS answers something else, or hangs up in the middle of it."""
    hung_up = isinstance(error, HandshakeLost) and "the transport was lost" in text
    return hung_up or isinstance(error, ConnectionError) or _NO_TLS.search(text) is not None


def _may_want_tls(error: BaseException) -> bool:
    """Whoever expects TLS hangs up, sends an alert, which is no HTTP, or says so in a 400."""
    if isinstance(error, HandshakeRejected):
        return error.status == 400 and _WANTS_TLS.search(error.body) is not None
    is_no_http = isinstance(error, HandshakeError) and "not HTTP" in str(error)
    return is_no_http or isinstance(error, HandshakeLost)
