"""Browsers with a page of ours open in them: nobody drives them, the page does what it is told over a WebSocket."""

from __future__ import annotations

import asyncio
import os
import queue
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import wsframework.asyncio.websocket as our_module
from tests.examples.browser import find_chromium, open_browser
from tests.interop.homes import AsyncioHome
from tests.interop.sides import Address
from wsframework.websocket import HttpRequest, HttpResponse

__all__ = ["BROWSERS", "Visitor", "missing", "visiting"]

# How long a browser may take from its start to the first word of its page.
STARTING = 40.0

# For each address that it is given it opens a connection, says what was agreed on, and sends back what comes.
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Echo</title><link rel="icon" href="data:,">
<script>
const control = new WebSocket(`ws://${location.host}/`);
control.onmessage = ({ data }) => {
  const socket = new WebSocket(data);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(socket.extensions);
  socket.onmessage = (event) => socket.send(event.data);
};
</script>
"""

# It is to keep to itself, and to ask nothing.
FIREFOX_PREFERENCES: dict[str, str | bool | int] = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "services.settings.server": "",
    "toolkit.telemetry.unified": False,
}


class PageFactory(our_module.WebSocketServerFactory):
    """Shows the page."""

    def onHttpRequest(self, request: HttpRequest) -> HttpResponse | None:
        return HttpResponse(PAGE) if request.path == "/" else None


class Control(our_module.WebSocketServerProtocol):
    """The connection of a page."""

    def __init__(self, pages: queue.Queue[Control]) -> None:
        super().__init__()
        self._pages = pages

    def onOpen(self) -> None:
        self._pages.put(self)


class Visitor:
    """A browser that has come to our page, on a server in a thread of its own."""

    def __init__(self) -> None:
        self._home = AsyncioHome("control", asyncio.new_event_loop)
        self._pages: queue.Queue[Control] = queue.Queue()
        self._page: Control
        self._factory = PageFactory(**self._home.factory_arguments())
        self._factory.protocol = lambda: Control(self._pages)
        port, self._stop = self._home.submit(self._home.listen(Address(), self._factory)).result(STARTING)
        self.url = f"http://127.0.0.1:{port}/"

    def wait_for_page(self) -> None:
        """Until it is there."""
        self._page = self._pages.get(timeout=STARTING)

    async def visit(self, url: str) -> None:
        """Let the page open a connection."""
        await self._home.call(lambda: self._page.sendMessage(url))

    def leave(self) -> None:
        """The server ends; the browser is gone before."""

        async def end() -> None:
            self._stop()
            await self._factory.shutdown(deadline=1.0)

        self._home.submit(end()).result(STARTING)
        self._home.stop()


@contextmanager
def chromium(program: str, url: str, folder: Path) -> Iterator[None]:
    """Chromium, on the page."""
    with open_browser(program, folder) as browser:
        browser.open(url)
        yield


@contextmanager
def firefox(program: str, url: str, folder: Path) -> Iterator[None]:
    """Firefox likewise, with a profile of its own in `folder`."""
    lines = [f"user_pref({_js(name)}, {_js(value)});\n" for name, value in FIREFOX_PREFERENCES.items()]
    (folder / "user.js").write_text("".join(lines))
    process = subprocess.Popen(
        [program, "--headless", "--no-remote", "--profile", str(folder), url],
        env={**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        # It ends its other processes itself.
        process.terminate()
        try:
            process.wait(STARTING)
        finally:
            process.kill()
            process.wait()


def _js(value: str | bool | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def find_firefox() -> str | None:
    """The program, where there is one."""
    names = ["firefox", "firefox-esr"]
    return next((path for name in names if (path := shutil.which(name))), None)


BROWSERS = {"chromium": (find_chromium, chromium), "firefox": (find_firefox, firefox)}


def missing(name: str) -> str | None:
    """Why it cannot be used, if so."""
    return None if BROWSERS[name][0]() is not None else f"{name} was not found"


@contextmanager
def visiting(name: str, folder: Path) -> Iterator[Visitor]:
    """A browser on our page, gone afterwards."""
    find, start = BROWSERS[name]
    program = find()
    assert program is not None, "whoever comes here has asked whether it is missing"
    visitor = Visitor()
    try:
        session: AbstractContextManager[None] = start(program, visitor.url, folder)
        with session:
            visitor.wait_for_page()
            yield visitor
    finally:
        visitor.leave()
