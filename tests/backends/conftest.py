"""Both backends in memory: every test in this folder runs on each of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from tests.backends.programs import Backend
from wsframework.asyncio.testing import AsyncioMemoryBackend
from wsframework.twisted.testing import TwistedMemoryBackend


@pytest.fixture(params=[AsyncioMemoryBackend, TwistedMemoryBackend], ids=["asyncio", "twisted"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """One backend on a virtual clock."""
    backend: Backend = request.param()
    yield backend
    backend.close()


@pytest.fixture
def errors() -> Iterator[list[BaseException]]:
    """The exceptions that were logged with their tracebacks, by either backend."""
    found: list[BaseException] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] is not None:
                found.append(record.exc_info[1])

    def observe(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            assert "Traceback" in event["log_failure"].getTraceback()
            found.append(event["log_failure"].value)

    handler = Handler()
    logging.getLogger("wsframework").addHandler(handler)
    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    yield found
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]
    logging.getLogger("wsframework").removeHandler(handler)


@pytest.fixture
def debug_lines() -> Iterator[list[str]]:
    """The debug lines that either backend logged."""
    found: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    def observe(event: dict[str, Any]) -> None:
        found.append(str(event.get("text")))

    handler = Handler()
    logger = logging.getLogger("wsframework")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    yield found
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(handler)
