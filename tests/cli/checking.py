"""What the tests of `wsframework check` share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from wsframework._core.uri import parse_uri
from wsframework.cli.facts import Facts, Question
from wsframework.cli.probe import Settings, examine
from wsframework.cli.tls import verifying_context

__all__ = ["bounded", "check"]

PATIENCE = 60.0
"""Seconds for a test; none needs them."""


def bounded(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of its own, not for ever."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), PATIENCE))

    return run


async def check(
    url: str,
    *,
    ca: str | None = None,
    timeout: float = 10.0,
    insecure: bool = False,
    largest: int | None = None,
    **asked: Any,
) -> Facts:
    """What is observed at `url`; `asked` goes into the question."""
    uri = parse_uri(url)
    context = verifying_context(ca) if uri.is_secure else None
    return await examine(Settings(Question(url, uri, **asked), timeout, context, insecure, largest))
