"""What is one backend's alone: how its programs begin, stop, and mix conversations with what else they do."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import Deferred, inlineCallbacks

from tests.interop.conversation.kits import AsyncioKit, Kit, TwistedKit
from tests.interop.conversation.rawpeers import CLOSE, RawPeer, close_payload
from tests.interop.conversation.scenes import echo, pair, scenario
from tests.interop.processes import ROOT
from wsframework.exceptions import ConnectionClosed

pytestmark = pytest.mark.interop

on_asyncio = pytest.mark.parametrize("kit", ["asyncio", "uvloop"], indirect=True)
on_twisted = pytest.mark.parametrize("kit", ["twisted"], indirect=True)

ASYNCIO_PROGRAM = """
import asyncio
from wsframework.asyncio import connect, serve

async def echo(ws):
    async for message in ws:
        await ws.send(message)

async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        async with connect(f"ws://127.0.0.1:{server.port}/") as ws:
            await ws.send("hello")
            print(await ws.recv())

asyncio.run(main())
"""

TWISTED_PROGRAM = """
from twisted.internet.task import react
from wsframework.twisted import connect, serve

async def echo(ws):
    async for message in ws:
        await ws.send(message)

async def main(reactor):
    async with serve(echo, "127.0.0.1", 0) as server:
        async with connect(f"ws://127.0.0.1:{server.port}/") as ws:
            await ws.send("hello")
            print(await ws.recv())

react(main)
"""


# Twisted's listening ports keep a file open, to have a descriptor left when there are no more.
RESERVED = "ignore:unclosed file:ResourceWarning"


@pytest.mark.parametrize("program", [ASYNCIO_PROGRAM, TWISTED_PROGRAM], ids=["asyncio", "twisted"])
def test_a_whole_program(program: str) -> None:
    """As a newcomer writes it: it says hello, ends by itself and complains about nothing."""
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-W", RESERVED, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "hello\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("backend", ["asyncio", "twisted"])
def test_a_program_of_one_line_says_goodbye(backend: str, number: int) -> None:
    """`serve(...).run()`: Ctrl-C and SIGTERM tell the clients, and end the program without a word."""
    source = f"""
from wsframework.{backend} import serve

async def echo(ws):
    await ws.send("welcome")
    async for message in ws:
        await ws.send(message)

serve(echo, "127.0.0.1", 0).run(lambda server: print(server.port, flush=True))
"""
    assert _goodbye(source, number) == (1001, 0, "")


@pytest.mark.parametrize("backend", ["asyncio", "twisted"])
def test_a_program_of_one_line_says_why_it_cannot_listen(backend: str) -> None:
    """The port is taken: one line, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        source = f"from wsframework.{backend} import serve\nserve(print, '127.0.0.1', {port}).run()"
        run = subprocess.run(
            [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    assert (run.returncode, run.stdout) == (1, "")
    (line,) = run.stderr.splitlines()
    assert line.startswith("cannot serve: ")
    assert str(port) in line
    assert "ddress already in use" in line


@pytest.mark.parametrize("backend", ["asyncio", "twisted"])
def test_an_error_when_it_listens_is_mine(backend: str) -> None:
    """What I do when it listens may fail, too, and then I want to see where."""
    source = f"""
from wsframework.{backend} import serve

def ready(server):
    raise OSError("my file is not there")

async def handler(ws):
    pass

serve(handler, "127.0.0.1", 0).run(ready)
"""
    with subprocess.Popen(
        [sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stderr is not None
        lines = iter(program.stderr.readline, "")
        assert any("my file is not there" in line for line in lines)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=60)


@pytest.mark.parametrize("backend", ["asyncio", "twisted"])
def test_a_program_that_is_interrupted_says_goodbye(backend: str) -> None:
    """Ctrl-C in a server that serves for ever: its clients get 1001."""
    start = "asyncio.run(main())" if backend == "asyncio" else "react(lambda reactor: ensureDeferred(main()))"
    source = f"""
import asyncio
from twisted.internet.task import react
from twisted.internet.defer import ensureDeferred
from wsframework.{backend} import serve

async def talk(ws):
    await ws.send("welcome")
    async for _ in ws:
        pass

async def main():
    async with serve(talk, "127.0.0.1", 0) as server:
        print(server.port, flush=True)
        await server.serve_forever()

{start}
"""
    assert _goodbye(source, signal.SIGINT)[0] == 1001


def _goodbye(source: str, number: int) -> tuple[int, int, str]:
    """Start a server, connect, send a signal: the code that the client got, the status, and the complaints."""
    process = subprocess.Popen(
        [sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None, "it has a pipe"
        port = int(process.stdout.readline())

        async def client() -> int:
            from wsframework.asyncio import connect

            async with asyncio.timeout(20), connect(f"ws://127.0.0.1:{port}/") as ws:
                assert await ws.recv() == "welcome"
                process.send_signal(number)
                with pytest.raises(ConnectionClosed) as caught:
                    await ws.recv()
                return caught.value.code

        code = asyncio.run(client())
        _, complaints = process.communicate(timeout=20)
        return code, process.returncode, complaints
    finally:
        process.kill()
        process.communicate()


@on_asyncio
@scenario
async def test_asyncios_own_ways_to_wait(kit: Kit) -> None:
    """wait_for, timeout, wait and TaskGroup around recv(): nothing is lost."""
    async with pair(kit) as (client, server):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(server.recv(), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await server.recv()
        await client.send("1")
        assert await asyncio.wait_for(server.recv(), 10) == "1"
        receiving = asyncio.ensure_future(server.recv())
        await asyncio.wait({receiving}, timeout=0.01)
        assert not receiving.done()
        await client.send("2")
        done, _ = await asyncio.wait({receiving}, timeout=10)
        assert [task.result() for task in done] == ["2"]
        async with asyncio.TaskGroup() as group:
            group.create_task(_send_many(client))
            got = group.create_task(_receive_many(server))
        assert got.result() == [str(index) for index in range(100)]


async def _send_many(ws: Any) -> None:
    for index in range(100):
        await ws.send(str(index))


async def _receive_many(ws: Any) -> list[Any]:
    return [await ws.recv() for _ in range(100)]


@on_asyncio
@scenario
async def test_a_socket_that_is_bound_already(kit: Kit) -> None:
    """serve(sock=...), as a service manager hands it over."""
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    async with kit.serve(echo, sock=sock) as server:
        assert server.port == port
        async with kit.connect(server.url) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"


@on_asyncio
@scenario
async def test_all_interfaces_of_a_machine(kit: Kit) -> None:
    """host=None: on a free port, and reachable by this machine's own address."""
    async with kit.serve(echo, host=None) as server, kit.connect(f"ws://127.0.0.1:{server.port}/") as ws:
        await ws.send("x")
        assert await ws.recv() == "x"


@on_asyncio
@scenario
async def test_a_call_that_is_not_awaited_is_told(kit: Kit) -> None:
    """I forgot `await` or `async with`: Python's usual warning, instead of silence."""
    for call in (partial(kit.connect, "ws://127.0.0.1:9/"), partial(kit.serve, echo)):
        with pytest.warns(RuntimeWarning, match="not awaited"):
            _forget(call)


def _forget(call: Callable[[], Any]) -> None:
    call()
    gc.collect()


@on_twisted
@scenario
async def test_a_handler_may_return_a_deferred(kit: Kit) -> None:
    """An old hand writes inlineCallbacks, or chains."""

    @inlineCallbacks
    def talk(ws: Any) -> Any:
        message = yield ws.recv()
        yield ws.send(message.upper())
        yield ws.close(4001)

    def chain(ws: Any) -> Deferred[Any]:
        receiving: Deferred[Any] = ws.recv()
        return receiving.addCallback(ws.send)

    async with kit.serve({"/talk": talk, "/chain": chain}) as server:
        async with kit.connect(f"{server.url}/talk") as ws:
            await ws.send("x")
            assert await ws.recv() == "X"
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.code == 4001
        async with kit.connect(f"{server.url}/chain") as ws:
            await ws.send("x")
            assert await ws.recv() == "x"
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.code == 1000


@on_twisted
@scenario
async def test_everything_that_is_waited_for_is_a_deferred(kit: Kit) -> None:
    """So callbacks can be added, without any `async def`."""
    serving = kit.serve(echo)
    assert isinstance(serving, Deferred)
    server = await serving
    connecting = kit.connect(server.url)
    assert isinstance(connecting, Deferred)
    ws = await connecting
    send, send_json = partial(ws.send, "x"), partial(ws.send_json, 1)
    for call in (send, ws.recv, send_json, ws.recv_json, ws.ping, ws.close, ws.wait_closed):
        coming = call()
        assert isinstance(coming, Deferred)
        await coming
    closing = server.close()
    assert isinstance(closing, Deferred)
    assert isinstance(server.wait_closed(), Deferred)
    assert isinstance(server.serve_forever(), Deferred)
    await closing


@on_twisted
@scenario
async def test_what_is_sent_without_waiting_is_sent(kit: Kit) -> None:
    """A program that does not look at the Deferred of send() has sent all the same, in order."""
    async with pair(kit) as (client, server):
        for index in range(100):
            client.send(str(index))
        assert await _receive_many(server) == [str(index) for index in range(100)]


@on_twisted
def test_a_reactor_that_stops_closes_its_servers(kit: Kit) -> None:
    """Whoever calls reactor.stop(): clients get 1001 first."""
    assert isinstance(kit, TwistedKit)
    ends: list[Any] = []

    async def scene() -> None:
        server = await kit.serve(echo)
        peer = await RawPeer.dial(kit, server.port)

        async def watch() -> None:
            with peer:
                ends.append((await peer.next(CLOSE))[:2])
                await peer.send(CLOSE, close_payload(1001))
                ends.append(await peer.at_end())

        kit.start(watch())

    # What a scenario leaves behind is found, except that here it is meant.
    kit.leaves_behind = True
    kit.run(scene())
    assert ends == [close_payload(1001), True]


def test_a_kit_tells_what_hangs() -> None:
    """The tests' own safety: a scenario that waits for ever fails, and says where."""
    kit = AsyncioKit("asyncio", asyncio.new_event_loop)
    kit.patience = 0.1

    async def hang() -> None:
        await kit.never()

    with pytest.raises(AssertionError, match=r"stands at hang:\d+ > never"):
        kit.run(hang())


def test_a_kit_on_a_reactor_tells_what_hangs() -> None:
    """The same on Twisted."""
    kit = TwistedKit("twisted")
    kit.patience = 0.1

    async def hang() -> None:
        await kit.never()

    with pytest.raises(AssertionError, match=r"stands at hang:\d+ > never"):
        kit.run(hang())
