"""A chat: one room, for people in browsers and for people in terminals.

Whoever connects is in the room, under a name of ours until they say another. What they send is text: `/name Ada`, or
something to say. What they are sent depends on the subprotocol: with `chat.json`, as the page asks for, JSON objects
with a "type" (welcome, joined, left, named, said, error); without one, lines to read, for `wsframework connect`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Awaitable, Callable
from importlib.resources import files
from itertools import count
from typing import Any, Final

from wsframework.cli.findings import printable
from wsframework.websocket.broadcast import Broadcast
from wsframework.websocket.types import HttpResponse

__all__ = ["Room", "chat"]

_JSON: Final = "chat.json"
_MAX_NAME: Final = 24
_MAX_TEXT: Final = 2000
# Messages that wait for somebody who does not keep up; one more, and they are disconnected.
_MAX_WAITING: Final = 100
# What a terminal is told; the words are the fields of the JSON.
_LINES: Final = {
    "welcome": "You are {name}; here: {people}.\n"
    "For another name: /name NAME; in wsframework connect //name NAME.\n"
    "All else is said.",
    "joined": "* {name} joined",
    "left": "* {name} left",
    "named": "* {old} is {name} now",
    "said": "{name}: {text}",
    "error": "! {text}",
}


class Room:
    """Who is there."""

    def __init__(self) -> None:
        self._people: dict[Any, str] = {}
        self._numbers = count(1)
        self._pages = Broadcast(max_messages=_MAX_WAITING)
        self._terminals = Broadcast(max_messages=_MAX_WAITING)

    async def attend(self, conversation: Any) -> None:
        """One person, from coming to leaving."""
        names = (f"guest {number}" for number in self._numbers)
        name = next(name for name in names if self._is_free(name))
        self._people[conversation] = name
        self._tell_all("joined", name=name)
        (self._pages if _is_page(conversation) else self._terminals).add(conversation)
        _tell(conversation, "welcome", name=name, people=list(self._people.values()))
        try:
            async for message in conversation:
                self._hear(conversation, message)
        finally:
            self._tell_all("left", name=self._people.pop(conversation))

    def _hear(self, conversation: Any, message: str | bytes) -> None:
        text = message.strip() if isinstance(message, str) else ""
        if text.startswith("/name "):
            self._name(conversation, " ".join(text.removeprefix("/name ").split()))
        elif not text or len(text) > _MAX_TEXT:
            _tell(conversation, "error", text=f"A message is text, of 1 to {_MAX_TEXT} characters.")
        else:
            self._tell_all("said", name=self._people[conversation], text=text)

    def _name(self, conversation: Any, name: str) -> None:
        old = self._people[conversation]
        if not name.isprintable() or not 1 <= len(name) <= _MAX_NAME:
            _tell(conversation, "error", text=f"A name has 1 to {_MAX_NAME} characters that can be seen.")
        elif not self._is_free(name, besides=old):
            _tell(conversation, "error", text=f"Somebody is called {name} already.")
        else:
            self._people[conversation] = name
            self._tell_all("named", old=old, name=name)

    def _is_free(self, name: str, besides: str = "") -> bool:
        taken = {_same(other) for other in self._people.values() if other != besides}
        return _same(name) not in taken

    def _tell_all(self, kind: str, **fields: Any) -> None:
        self._pages.send(_as_json(kind, fields))
        self._terminals.send(_as_line(kind, fields))


def chat() -> tuple[Callable[[Any], Awaitable[None]], dict[str, Any]]:
    """The handler of a room's server, and the arguments that `serve` needs for it."""
    return Room().attend, {"subprotocols": [_JSON], "http": {"/": _page()}, "maxMessagePayloadSize": 16 * 1024}


def _tell(conversation: Any, kind: str, **fields: Any) -> None:
    if conversation.state == conversation.STATE_OPEN:
        conversation.sendMessage((_as_json if _is_page(conversation) else _as_line)(kind, fields).encode())


def _is_page(conversation: Any) -> bool:
    return bool(conversation.websocket_protocol_in_use == _JSON)


def _as_json(kind: str, fields: dict[str, Any]) -> str:
    return json.dumps({"type": kind, **fields})


def _as_line(kind: str, fields: dict[str, Any]) -> str:
    """Whatever terminal shows it, what people typed does not steer it."""
    safe = {name: printable(", ".join(value) if isinstance(value, list) else value) for name, value in fields.items()}
    return _LINES[kind].format(**safe)


def _same(name: str) -> str:
    """What two names have in common that people could take for each other: case, and width of letters."""
    return unicodedata.normalize("NFKC", name).casefold()


def _page() -> HttpResponse:
    """The page, under a policy by which a browser runs its own script and style and nothing else."""
    html = files("wsframework.cli").joinpath("chat.html").read_text(encoding="utf-8")
    hashes = {}
    for tag in ("script", "style"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        hashes[tag] = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HttpResponse(html, headers=headers)
