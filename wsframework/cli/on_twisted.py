"""Commands on Twisted. The one place that chooses a reactor: the process belongs to the command."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

from OpenSSL import SSL, crypto
from twisted.internet import defer, error, ssl
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, LogLevel, eventAsText, globalLogBeginner
from twisted.python import failure
from zope.interface import implementer

from wsframework.cli.backends import NO_NAME, UNTRUSTED, Backend, Stream, Trust, in_words
from wsframework.cli.failures import Failure
from wsframework.cli.on_twisted_stream import TwistedStream
from wsframework.cli.signals import Signals
from wsframework.exceptions import HandshakeLost, WebSocketError
from wsframework.twisted.conversation import connect, serve
from wsframework.twisted.util import sleep

__all__ = ["TwistedBackend"]

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# A TLS handshake that fails ends the transport, and of that only the text is left: library, function and reason.
_REASON: Final = re.compile(r"\('SSL routines', '[^']*', '([^']+)'\)")
_FAILED: Final = "certificate verify failed"


class TwistedBackend(Backend):
    """The reactor of this platform, or the one on an asyncio loop for a command that needs such a loop."""

    name = "twisted"
    cancelled = (defer.CancelledError, asyncio.CancelledError)

    def run(self, main: Callable[[], Coroutine[Any, Any, int]], *, on_asyncio: bool = False) -> int:
        """On the global reactor, once in a process; see `Backend.run`."""
        loop = _install_on_asyncio() if on_asyncio else None
        from twisted.internet import reactor as any_reactor

        reactor: Any = any_reactor
        outcome: list[Any] = []
        running: defer.Deferred[Any] = defer.Deferred()

        def begin() -> None:
            nonlocal running
            running = defer.Deferred.fromCoroutine(main())
            running.addBoth(outcome.append)
            running.addBoth(lambda _: reactor.stop())

        reactor.callWhenRunning(begin)
        with Signals(lambda: reactor.callFromThread(lambda: running.cancel())) as signals:
            reactor.run(installSignalHandlers=False)
        if loop is not None:
            loop.close()
        (result,) = outcome
        if not isinstance(result, failure.Failure):
            return int(result)
        assert result.value is not None, "a failure has its exception"
        if isinstance(result.value, (*self.cancelled, Failure)):
            signals.check()
        raise result.value

    def connect(self, url: str, **arguments: Any) -> Any:
        """See `wsframework.twisted.connect`."""
        return connect(url, **arguments)

    def serve(self, handler: Any, host: str, port: int, **arguments: Any) -> Any:
        """See `wsframework.twisted.serve`."""
        return serve(handler, host, port, **arguments)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> defer.Deferred[Any]:
        """A Deferred."""
        return defer.Deferred.fromCoroutine(coroutine)

    def sleep(self, seconds: float) -> Awaitable[None]:
        """By the reactor's clock."""
        return sleep(seconds)

    def asyncio_result(self, coroutine: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        """Of a task on the reactor's loop."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(coroutine))

    def dial(self, host: str, port: int, timeout: float) -> Awaitable[Stream]:
        """See `Backend.dial`."""
        from twisted.internet import reactor

        endpoint = HostnameEndpoint(reactor, host, port, timeout=timeout)
        connecting: Any = endpoint.connect(Factory.forProtocol(partial(TwistedStream, reactor)))
        return connecting  # type: ignore[no-any-return]

    def client_tls(self, trust: Trust) -> Any:
        """See `Backend.client_tls`."""
        if trust.is_insecure:
            return _AnyCertificate(trust.name)
        if trust.authorities is None:
            return ssl.optionsForClientTLS(trust.name)
        with open(trust.authorities, "rb") as file:
            authorities = [ssl.Certificate.loadPEM(text) for text in _PEM.findall(file.read())]
        if not authorities:
            raise ValueError("there is no certificate in it")
        roots = ssl.trustRootFromCertificates(authorities)  # type: ignore[no-untyped-call]
        return ssl.optionsForClientTLS(trust.name, trustRoot=roots)

    def server_tls(self, certificate: str, key: str) -> Any:
        """See `Backend.server_tls`."""
        context = ssl.CertificateOptions().getContext()
        for name in (certificate, key):
            # OpenSSL would not say what is wrong with a file that cannot be read.
            with open(name, "rb"):
                pass
        try:
            context.use_certificate_chain_file(certificate)
            context.use_privatekey_file(key)
            context.check_privatekey()
        except (SSL.Error, crypto.Error) as wrong:
            raise ValueError(_of_openssl(wrong)) from wrong
        return _OwnCertificate(context)

    def tls_version(self, conversation: Any) -> str | None:
        """See `Backend.tls_version`."""
        if not conversation.transport_details.is_secure:
            return None
        version: str = conversation.transport.getHandle().get_protocol_version_name()
        return version

    def show_log(self, write: Callable[[str], None], *, all_lines: bool) -> None:
        """See `Backend.show_log`."""

        @implementer(ILogObserver)
        def observe(event: Any) -> None:
            level = event.get("log_level", LogLevel.info)
            is_ours = str(event.get("log_namespace", "")).startswith("wsframework")
            if level >= LogLevel.warn or (all_lines and is_ours and level is LogLevel.info):
                write(eventAsText(event, includeTimestamp=False, includeSystem=False))

        globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False, discardBuffer=True)

    def explain(self, error_: BaseException) -> str | None:
        """See `Backend.explain`."""
        if isinstance(error_, SSL.Error):
            return f"TLS failed: {_of_openssl(error_)}"
        if isinstance(error_, error.DNSLookupError):
            return NO_NAME
        if isinstance(error_, (OSError, error.ConnectError, error.CannotListenError)):
            return in_words(self.error_number(error_), str(error_) or type(error_).__name__)
        if isinstance(error_, HandshakeLost) and (reasons := _REASON.findall(str(error_))):
            if _FAILED in reasons:
                return UNTRUSTED
            return f"TLS failed: {'; '.join(reasons)}"
        return in_words(None, str(error_)) if isinstance(error_, (WebSocketError, error.ConnectionClosed)) else None

    def error_number(self, error_: BaseException) -> int | None:
        """See `Backend.error_number`."""
        if isinstance(error_, error.CannotListenError):
            error_ = error_.socketError
        if isinstance(error_, error.ConnectError):
            number: int | None = error_.osError
            return number
        return error_.errno if isinstance(error_, OSError) else None


@implementer(IOpenSSLServerConnectionCreator)
class _OwnCertificate:
    """TLS of a server, by a context that has its certificate."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        return connection


@implementer(IOpenSSLClientConnectionCreator)
class _AnyCertificate:
    """TLS that says which name it wants, and believes whoever answers."""

    def __init__(self, name: str) -> None:
        self._context = ssl.CertificateOptions().getContext()
        self._name = b"" if _is_address(name) else name.encode("ascii")

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        if self._name:
            connection.set_tlsext_host_name(self._name)
        return connection


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _of_openssl(error_: Exception) -> str:
    """What OpenSSL says: its errors have a list of library, function and reason."""
    found = error_.args[0] if error_.args else ()
    reasons = [entry[-1] for entry in found if entry] if isinstance(found, (list, tuple)) else []
    return "; ".join(reasons) or str(error_) or type(error_).__name__


def _install_on_asyncio() -> asyncio.AbstractEventLoop:
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor
    from twisted.internet.main import installReactor

    loop = asyncio.SelectorEventLoop() if sys.platform == "win32" else asyncio.new_event_loop()
    installReactor(AsyncioSelectorReactor(loop))  # type: ignore[no-untyped-call]
    return loop
