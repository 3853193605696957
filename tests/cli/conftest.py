"""Commands that are started, and what they talk to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.cli.shells import Command, Peer, Terminal


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Start `wsframework` with pipes."""
    commands: list[Command] = []

    def start(*arguments: str, **options: object) -> Command:
        commands.append(Command(arguments, tmp_path, **options))  # type: ignore[arg-type]
        return commands[-1]

    yield start
    for command in commands:
        command.kill()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start `wsframework` in a terminal."""
    terminals: list[Terminal] = []

    def start(*arguments: str, **options: object) -> Terminal:
        terminals.append(Terminal(arguments, tmp_path, **options))  # type: ignore[arg-type]
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.kill()


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Start a server of the library websockets."""
    peers: list[Peer] = []

    def start(*arguments: object, **options: object) -> Peer:
        peers.append(Peer(*arguments, **options))  # type: ignore[arg-type]
        return peers[-1]

    yield start
    for each in peers:
        each.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two files: a certificate with its key for 127.0.0.1, and the authority that it is from."""
    folder = Path(tmp_path_factory.mktemp("certificate"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "own.pem"))
    return str(folder / "own.pem"), str(folder / "authority.pem")
