"""`wsframework` itself."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.cli.shells import Command
from wsframework import __version__
from wsframework.cli.failures import UsageError
from wsframework.cli.main import COMMANDS, HINT, main

Start = Callable[..., Command]


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """What there is, and what the extra adds."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown and name in HINT for name in COMMANDS)
    assert "wsframework[cli]" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`wsframework connect --help`."""
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: wsframework {name} " in capsys.readouterr().out


def test_the_version_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"wsframework {__version__}\n")


@pytest.mark.parametrize("arguments", [["nothing"], ["--nothing"], ["connect"], ["connect", "ws://x", "--nothing"]])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Said on stderr."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_without_twisted_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--backend twisted on a machine that does not have it."""
    monkeypatch.delitem(sys.modules, "wsframework.cli.on_twisted", raising=False)
    monkeypatch.setitem(sys.modules, "OpenSSL", None)
    with pytest.raises(SystemExit) as caught:
        main(["bench", "ws://127.0.0.1:1/", "--backend", "twisted"])
    assert caught.value.code == 2
    assert 'pip install "wsframework[twisted]"' in capsys.readouterr().err


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the network does is one line; a fault of the program is a traceback that can be reported."""

    def fail(arguments: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("wsframework.cli.bench.run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["bench", "ws://127.0.0.1:1/"])


def test_usage_errors_of_a_command_are_argparse_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is only found out later has the same form."""

    def complain(arguments: object) -> int:
        raise UsageError("--this does not go with --that")

    monkeypatch.setattr("wsframework.cli.bench.run", complain)
    with pytest.raises(SystemExit) as caught:
        main(["bench", "ws://127.0.0.1:1/"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith("wsframework bench: error: --this does not go with --that\n")
