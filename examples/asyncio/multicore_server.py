"""One port, served by several processes, on asyncio: the operating system gives each connection to one of them.

Ctrl-C ends them all. This needs SO_REUSEPORT as Linux has it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onOpen(self) -> None:
        # Processes share nothing: a message to all clients would have to go to the other processes too.
        self.sendMessage(f"process {os.getpid()}")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def work(host: str, port: int) -> None:
    """What each of the processes does."""
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    server = await asyncio.get_running_loop().create_server(factory, host, port, reuse_port=True)
    print("ready", flush=True)
    # The end of this pipe is the signal to stop. It also comes when the parent is gone for whatever reason.
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    await factory.shutdown()


def start(command: list[str]) -> subprocess.Popen[bytes]:
    # In a session of its own, where Ctrl-C in the terminal does not reach it.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def main(host: str, port: int, processes: int) -> None:
    # Never listens. It finds a free port, and keeps it while the workers come and go.
    with socket.socket() as placeholder:
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        placeholder.bind((host, port))
        port = placeholder.getsockname()[1]
        command = [sys.executable, __file__, "--host", host, "--port", str(port), "--worker"]
        workers = [start(command) for _ in range(processes)]
        try:
            for worker in workers:
                assert worker.stdout is not None, "it was made with a pipe"
                worker.stdout.readline()
            print(f"{processes} processes on ws://{host}:{port}", flush=True)
            for worker in workers:
                worker.wait()
        except KeyboardInterrupt:
            pass
        finally:
            for worker in workers:
                # Closes the pipe to it, and waits.
                worker.communicate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        asyncio.run(work(args.host, args.port))
    else:
        main(args.host, args.port, args.processes)
