"""The Python in README.md and in docs/: all of it runs, and the whole programs as programs."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAM_PAGES = [ROOT / "README.md", ROOT / "docs" / "quickstart.md"]
BACKENDS = ["asyncio", "twisted"]
SECONDS = 30
"""How long a program may take; none of them needs one."""


def blocks_of(page: Path) -> list[str]:
    """The Python blocks of a page, in their order."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


ALL_BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks_of(page), 1)
]


def program(page: Path, backend: str, role: str) -> str:
    """The one block of the page that imports this role's factory from this backend and can be run."""
    wanted = f"from wsframework.{backend}.websocket import WebSocket{role}Factory"
    (found,) = [block for block in blocks_of(page) if wanted in block and "__main__" in block]
    return found


@contextlib.contextmanager
def running(source: str) -> Iterator[subprocess.Popen[str]]:
    """The program as a process that does not outlive the block."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-c", source],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_listening(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    pytest.fail("the server does not listen")


def first_line(process: subprocess.Popen[str]) -> str:
    """What the program prints first, or why it printed nothing."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        pytest.fail(f"printed nothing: {process.communicate()[1]}")
    return line


@pytest.mark.parametrize("block", ALL_BLOCKS)
def test_code_block_compiles_and_imports_what_exists(block: str) -> None:
    """I copied the example, and it did not even import."""
    tree = compile(block, "block", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("wsframework"):
            module = import_module(node.module)
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


RUN_PAGE = """
import asyncio, json, sys

async def started(function):
    async with asyncio.timeout(20):
        server = await function()
        assert server.port
        await server.close()

page, blocks = json.load(sys.stdin)
names = {"__name__": "block", "__file__": page}
for number, block in enumerate(blocks, 1):
    exec(compile(block, f"{page}, block {number}", "exec"), names)
    function = names.pop("start", None)
    if function is not None:
        asyncio.run(started(function))
"""


@pytest.mark.interop
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks_of(page) and page.name != "tutorial.md"], ids=lambda page: page.name
)
def test_the_blocks_of_a_page_run_one_after_the_other(page: Path) -> None:
    """I typed in what the page says, from top to bottom. What a block calls `start` can be started.

    In a process of its own: a page may set up logging. The tutorial is done step by step in test_tutorial.py.
    """
    done = subprocess.run(
        [sys.executable, "-c", RUN_PAGE],
        cwd=ROOT,
        input=json.dumps([str(page), blocks_of(page)]),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


WHOLE = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    if page not in PROGRAM_PAGES and page.name != "tutorial.md"
    for number, block in enumerate(blocks_of(page), 1)
    if "__main__" in block
]


@pytest.mark.interop
@pytest.mark.parametrize("source", WHOLE)
def test_a_whole_program_ends_by_itself_or_serves_until_it_is_interrupted(source: str) -> None:
    """I copied the program and started it."""
    port = free_port()
    with running(source.replace("9000", str(port))) as process:
        if "9000" in source:
            wait_until_listening(process, port)
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
        # A file that Twisted's reactor keeps in reserve, and leaves to the end of the process.
        spoken = [line for line in errors.splitlines() if "/dev/null" not in line]
        assert (process.returncode, spoken) == (0, [])


@pytest.mark.interop
@pytest.mark.parametrize("page", PROGRAM_PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("server_backend", BACKENDS)
@pytest.mark.parametrize("client_backend", BACKENDS)
def test_programs_talk_to_each_other(page: Path, server_backend: str, client_backend: str) -> None:
    """I copied the server and the client, and the client printed what it had sent."""
    port = free_port()
    with running(program(page, server_backend, "Server").replace("9000", str(port))) as server:
        wait_until_listening(server, port)
        with running(program(page, client_backend, "Client").replace("9000", str(port))) as client:
            assert first_line(client) == "Hello, world!\n"


@contextlib.contextmanager
def web_server() -> Iterator[int]:
    """The port of one that knows nothing of WebSockets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(SECONDS)


@pytest.mark.interop
@pytest.mark.parametrize("page", PROGRAM_PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_says_why_it_could_not_talk(page: Path, backend: str) -> None:
    """What listens there is a web server."""
    source = program(page, backend, "Client")
    with web_server() as port, running(source.replace("9000", str(port))) as client:
        out, _ = client.communicate(timeout=SECONDS)
    assert out == "closed: 1006 the server answered HTTP 200 OK\n"


@pytest.mark.interop
@pytest.mark.parametrize("page", PROGRAM_PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_ends_and_says_so_where_no_server_runs(page: Path, backend: str) -> None:
    """I forgot to start the server."""
    with running(program(page, backend, "Client").replace("9000", str(free_port()))) as client:
        out, errors = client.communicate(timeout=SECONDS)
    assert (out.count("\n"), errors) == (1, ""), errors
    assert "refused" in out or "Connect call failed" in out


@pytest.mark.interop
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_conversation_ends_and_says_so_where_no_server_runs(backend: str) -> None:
    """The same with `await`."""
    (source,) = [
        block
        for block in blocks_of(ROOT / "docs" / "quickstart.md")
        if f"from wsframework.{backend} import connect\n" in block and "__main__" in block
    ]
    with running(source.replace("9000", str(free_port()))) as client:
        out, errors = client.communicate(timeout=SECONDS)
    assert out.startswith("no connection: ")
    assert (out.count("\n"), errors) == (1, "")
