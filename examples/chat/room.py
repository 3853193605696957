"""The chat without a framework: the room, what one person in it does, and the page on the same port.

The programs beside this folder add a backend: they mix `ChatProtocol` and `ChatFactory` into its classes. What goes
over the connection are text messages, each a JSON object with a "type":

    to the server     join (name), say (text)
    to the client     welcome (name, people, server), joined (name), left (name), said (name, text), error (text)
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from wsframework.websocket import ConnectionDeny, ConnectionRequest, HttpRequest, HttpResponse
from wsframework.websocket.factory import WebSocketServerFactory
from wsframework.websocket.protocol import WebSocketServerProtocol

__all__ = ["ChatFactory", "ChatProtocol", "Refusal", "Room"]

MAX_NAME = 24
MAX_TEXT = 2000


class Refusal(Exception):
    """Somebody asked for what cannot be had; the text is for them to read."""


class Room:
    """Who is there. One room may serve the connections of any number of factories."""

    def __init__(self) -> None:
        self._people: dict[str, ChatProtocol] = {}

    @property
    def people(self) -> list[str]:
        """Their names, in the order in which they came."""
        return [person.name for person in self._people.values()]

    def enter(self, person: ChatProtocol, name: str) -> None:
        """Let somebody in and tell the others; `Refusal` if the name will not do."""
        name = _line(name)
        if not name:
            raise Refusal("Please enter a name.")
        if len(name) > MAX_NAME:
            raise Refusal(f"A name has at most {MAX_NAME} characters.")
        if not name.isprintable():
            raise Refusal("That name has characters in it that cannot be seen.")
        if _same(name) in self._people:
            raise Refusal(f"Somebody called {name} is here already.")
        self.tell("joined", name=name)
        person.name = name
        self._people[_same(name)] = person

    def leave(self, person: ChatProtocol) -> None:
        """Let somebody out who was in, and tell the others."""
        del self._people[_same(person.name)]
        self.tell("left", name=person.name)

    def tell(self, kind: str, **fields: str) -> None:
        """Send the same to everybody; encoded once."""
        message = _encode(kind, fields)
        # A list of our own: a person who does not keep up may be dropped, and so leave, while we send.
        for person in list(self._people.values()):
            person.tell_encoded(message)


class ChatProtocol(WebSocketServerProtocol):
    """One person's connection. All callbacks are plain: nothing here has to be waited for."""

    # Options as class attributes override the factory's, so whoever uses this class is safe without settings.
    maxMessagePayloadSize = 16 * 1024
    # A browser is told why it is sent away, instead of only seeing the connection break.
    failByDrop = False
    # Whoever does not keep up with the room is dropped before much is kept for them.
    maxSendBuffer = 1024 * 1024
    # Without this, people whose network has gone would stay in the list of who is there.
    autoPingInterval = 20
    autoPingTimeout = 20

    server = ""
    """What the page says is serving it."""
    name = ""
    """Empty until they have joined."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def onConnect(self, request: ConnectionRequest) -> None:
        """Refuse pages of other sites: they could speak in the name of whoever visits them. Programs send no Origin."""
        if request.origin and request.origin.partition("://")[2] != request.headers["host"]:
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN, body="this chat has its own page\n")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Do what was asked, or say why not."""
        try:
            self._obey(_decode(payload, isBinary))
        except Refusal as refusal:
            self.tell("error", text=str(refusal))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """They are gone, for whatever reason."""
        if self.name:
            self.room.leave(self)

    def tell(self, kind: str, **fields: str | list[str]) -> None:
        """Send something to this person alone."""
        self.tell_encoded(_encode(kind, fields))

    def tell_encoded(self, message: bytes) -> None:
        """Send what is encoded already, unless the connection is about to close: that is no error in a room."""
        if self.state == self.STATE_OPEN:
            self.sendMessage(message)

    def _obey(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "join":
            self._join(_text(message, "name"))
        elif kind == "say":
            self._say(_text(message, "text"))
        else:
            raise Refusal('The "type" of a message is "join" or "say".')

    def _join(self, name: str) -> None:
        if self.name:
            raise Refusal(f"You are here already, as {self.name}.")
        self.room.enter(self, name)
        self.tell("welcome", name=self.name, people=self.room.people, server=self.server)

    def _say(self, text: str) -> None:
        text = text.strip()
        if not self.name:
            raise Refusal("Please join before you say something.")
        if not text:
            raise Refusal("There is nothing in that message.")
        if len(text) > MAX_TEXT:
            raise Refusal(f"A message has at most {MAX_TEXT} characters.")
        self.room.tell("said", name=self.name, text=text)


class ChatFactory(WebSocketServerFactory):
    """Serves the page where the chat itself is served."""

    def onHttpRequest(self, request: HttpRequest) -> HttpResponse:
        """The one page there is."""
        if request.path == "/":
            return _PAGE
        return HttpResponse("Not here. The chat is at /\n", 404, "text/plain; charset=utf-8")


def _encode(kind: str, fields: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


def _decode(payload: bytes, is_binary: bool) -> dict[str, Any]:
    """The object in a message. RecursionError is what json makes of ten thousand opening brackets."""
    if is_binary:
        raise Refusal("Messages are text.")
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):
        raise Refusal("That message is not JSON.") from None
    if not isinstance(message, dict):
        raise Refusal("A message is a JSON object.")
    return message


def _text(message: dict[str, Any], field: str) -> str:
    value = message.get(field)
    if not isinstance(value, str):
        raise Refusal(f'This message needs a "{field}", which is a string.')
    # JSON can write half a character ("\ud800"), which no terminal can print.
    return value.encode("utf-8", "replace").decode()


def _line(name: str) -> str:
    """Without spaces around it, and with single ones inside."""
    return " ".join(name.split())


def _same(name: str) -> str:
    """What two names have in common that people could take for each other: case, and width of letters."""
    return unicodedata.normalize("NFKC", name).casefold()


def _page() -> HttpResponse:
    """The page, with a policy under which the browser runs the page's own script and style and nothing else."""
    html = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HttpResponse(html, headers=headers)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_PAGE = _page()
