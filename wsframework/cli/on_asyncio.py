"""Commands on asyncio."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from wsframework.asyncio.conversation import connect, serve
from wsframework.cli.backends import NO_NAME, PATIENCE, UNTRUSTED, Backend, Stream, Trust, in_words
from wsframework.cli.failures import Failure
from wsframework.cli.signals import Signals
from wsframework.exceptions import WebSocketError

__all__ = ["AsyncioBackend", "AsyncioStream"]

_READ_SIZE: Final = 64 * 1024


class AsyncioBackend(Backend):
    """A loop of its own for each `run`."""

    name = "asyncio"
    cancelled = (asyncio.CancelledError,)

    def run(self, main: Callable[[], Coroutine[Any, Any, int]], *, on_asyncio: bool = False) -> int:
        """On a new loop; see `Backend.run`."""
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            task = loop.create_task(main())
            with Signals(lambda: loop.call_soon_threadsafe(task.cancel)) as signals:
                try:
                    return loop.run_until_complete(task)
                except (asyncio.CancelledError, Failure):
                    signals.check()
                    raise

    def connect(self, url: str, **arguments: Any) -> Any:
        """See `wsframework.asyncio.connect`."""
        return connect(url, **arguments)

    def serve(self, handler: Any, host: str, port: int, **arguments: Any) -> Any:
        """See `wsframework.asyncio.serve`."""
        return serve(handler, host, port, **arguments)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task."""
        return asyncio.get_running_loop().create_task(coroutine)

    def sleep(self, seconds: float) -> Awaitable[None]:
        """By the loop's clock."""
        return asyncio.sleep(seconds)

    def asyncio_result(self, coroutine: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        """Itself."""
        return coroutine

    async def dial(self, host: str, port: int, timeout: float) -> Stream:
        """See `Backend.dial`."""
        try:
            async with asyncio.timeout(timeout):
                return AsyncioStream(*await asyncio.open_connection(host, port))
        except TimeoutError:
            raise TimeoutError(f"no answer within {timeout:g} seconds") from None

    def client_tls(self, trust: Trust) -> ssl.SSLContext:
        """See `Backend.client_tls`."""
        context = ssl.create_default_context(cafile=trust.authorities)
        if trust.is_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def server_tls(self, certificate: str, key: str) -> ssl.SSLContext:
        """See `Backend.server_tls`."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        return context

    def tls_version(self, conversation: Any) -> str | None:
        """See `Backend.tls_version`."""
        ssl_object = conversation.transport.get_extra_info("ssl_object")
        return None if ssl_object is None else ssl_object.version()

    def show_log(self, write: Callable[[str], None], *, all_lines: bool) -> None:
        """See `Backend.show_log`."""
        log = logging.getLogger("wsframework")
        log.setLevel(logging.INFO if all_lines else logging.WARNING)
        log.addHandler(_Lines(write))
        log.propagate = False

    def explain(self, error: BaseException) -> str | None:
        """See `Backend.explain`."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{UNTRUSTED}: {error.verify_message}"
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {in_words(None, error.reason or str(error)).replace('_', ' ').lower()}"
        if isinstance(error, socket.gaierror):
            return f"{NO_NAME}: {error.strerror or error}"
        if isinstance(error, ConnectionError) and not error.args:
            # asyncio's own, of a connection that ended in the middle of the TLS handshake.
            return "the connection was lost"
        if isinstance(error, OSError):
            return in_words(error.errno, str(error) or type(error).__name__)
        return in_words(None, str(error)) if isinstance(error, WebSocketError) else None

    def error_number(self, error: BaseException) -> int | None:
        """See `Backend.error_number`."""
        # Errors of TLS and of looking up names have numbers of their own.
        return (
            error.errno
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLError | socket.gaierror)
            else None
        )


class AsyncioStream(Stream):
    """Over the streams of asyncio, which pause reading and writing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """See `Stream.read`."""
        return await self._reader.read(_READ_SIZE)

    async def write(self, data: bytes) -> None:
        """See `Stream.write`."""
        self._writer.write(data)
        await self._writer.drain()

    async def end(self) -> None:
        """See `Stream.end`."""
        self._writer.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._writer.wait_closed()
        except OSError:
            self._writer.transport.abort()


class _Lines(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record))
