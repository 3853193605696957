"""A headless Chromium, told what to do over its DevTools protocol."""

from __future__ import annotations

import itertools
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from websockets.sync.client import ClientConnection, connect

from tests.examples.programs import SECONDS

__all__ = ["Browser", "Page", "find_chromium", "open_browser"]

# No sandbox: containers often run everything as root, where Chromium's does not work. The rest keeps it to itself.
_FLAGS = [
    "--headless",
    "--remote-debugging-port=0",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

# Resolves when the expression in it is true; looks again whenever the document changes.
_UNTIL = """
new Promise((resolve, reject) => {
  const look = () => { if (%s) { observer.disconnect(); clearTimeout(timer); resolve(true); } };
  const observer = new MutationObserver(look);
  const options = { subtree: true, childList: true, attributes: true, characterData: true };
  const timer = setTimeout(() => reject(new Error(document.body.innerText)), %d);
  observer.observe(document, options);
  look();
})
"""


def find_chromium() -> str | None:
    """The program, where there is one."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def open_browser(program: str, folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in `folder`, gone afterwards."""
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    address: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stderr, address))
    reader.start()
    try:
        # No pings: on a machine with much else to do, a browser may well take longer for one than they allow.
        with connect(address.get(timeout=SECONDS), max_size=None, ping_interval=None) as connection:
            browser = Browser(connection)
            yield browser
            browser.call("Browser.close")
            process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()
        reader.join()


def _read(stream: IO[str], address: queue.Queue[str]) -> None:
    """Find where it listens, which it says among other things; what it says later is read and dropped."""
    with stream:
        for line in stream:
            if line.startswith("DevTools listening on "):
                address.put(line.split()[-1])


class Browser:
    """Sends commands and waits for their results."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []
        self._contexts: list[str] = []

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """One command; what it gives back. Fails if the browser says that it failed."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._connection.send(json.dumps(command))
        while (answer := self._receive()).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, method: str, session: str, **params: object) -> None:
        """Until an event of this kind has come in that session, with these parameters among its own."""
        while not any(params.items() <= event["params"].items() for event in self.seen(method, session)):
            self._events.append(self._receive())

    def seen(self, method: str, session: str) -> list[dict[str, Any]]:
        """The events of this kind in that session that came so far."""
        return [event for event in self._events if (event.get("method"), event.get("sessionId")) == (method, session)]

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._connection.recv(2 * SECONDS))
        return message

    def open(self, url: str) -> Page:
        """A page in a window of its own, which shares nothing with the others: as another person's."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        self._contexts.append(context)
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        # Every window believes to be the one in front.
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        page.call("Page.setLifecycleEventsEnabled", enabled=True)
        loader = page.call("Page.navigate", url=url)["loaderId"]
        self.wait_for("Page.lifecycleEvent", session, name="load", loaderId=loader)
        return page

    def close_pages(self) -> None:
        """Close all that was opened, and forget what happened in it."""
        for context in self._contexts:
            self.call("Target.disposeBrowserContext", browserContextId=context)
        self._contexts.clear()
        self._events.clear()


class Page:
    """One page, and somebody with a keyboard before it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """A command of the DevTools protocol, for this page."""
        return self._browser.call(method, self._session, **params)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, waited for if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true; the page's text is in the error if it does not become so."""
        self.evaluate(_UNTIL % (expression, SECONDS * 1000))

    def until_text(self, selector: str, text: str) -> None:
        """Wait until an element that matches has `text` in it."""
        where, what = json.dumps(selector), json.dumps(text)
        self.until(f"[...document.querySelectorAll({where})].some((node) => node.innerText.includes({what}))")

    def type(self, text: str) -> None:
        """Press the keys for `text`, wherever the focus is."""
        for character in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", key=character, text=character)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=character)

    def press(self, key: str, shift: bool = False) -> None:
        """Press a key that is no letter: Enter, Tab."""
        code, text = {"Enter": (13, "\r"), "Tab": (9, "")}[key]
        fields = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **fields)
        self.call("Input.dispatchKeyEvent", type="keyUp", **fields)

    def problems(self) -> list[str]:
        """What the page's console would show as an error by now: exceptions, violations of the policy."""
        thrown = self._browser.seen("Runtime.exceptionThrown", self._session)
        logged = self._browser.seen("Log.entryAdded", self._session)
        entries = [event["params"]["entry"] for event in logged]
        errors = [f"{entry['text']} {entry.get('url', '')}" for entry in entries if entry["level"] == "error"]
        return [event["params"]["exceptionDetails"]["text"] for event in thrown] + errors
