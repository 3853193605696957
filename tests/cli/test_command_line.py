"""`wsframework` itself."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module

import pytest

from tests.cli.shells import ROOT, SECONDS, Command
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
    assert "pip install '.[cli]' in the checkout" in " ".join(shown.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`wsframework connect --help`."""
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: wsframework {name} " in capsys.readouterr().out


@pytest.mark.parametrize("columns", [50, 80, 120])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fills_the_terminal(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line was broken in the middle of a word, whatever the width; what is one paragraph is filled."""
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        main([name, "--help"] if name else ["--help"])
    lines = capsys.readouterr().out.splitlines()
    # What cannot be broken: a column of names takes its room.
    assert max(map(len, lines)) < max(columns, 80)
    filled = [line for line in lines if len(line) > columns * 2 // 3]
    assert filled, "paragraphs grow with the terminal"


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


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        (["connect", "ws://x", "--nothing"], "wsframework connect"),
        (["check", "--nothing", "ws://x"], "wsframework check"),
        (["bench", "ws://x", "-x"], "wsframework bench"),
        (["serve", "echo", "target", "more"], "wsframework serve"),
        (["options", "name", "more"], "wsframework options"),
        (["--nothing", "serve", "echo"], "wsframework"),
    ],
)
def test_an_unknown_word_is_answered_with_the_usage_of_its_command(
    arguments: list[str], program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """I saw which options there are, of the command that I had typed."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"usage: {program} [-h]")
    assert f"\n{program}: error: unrecognized arguments: " in shown


def options_of(name: str) -> dict[str, argparse.Action]:
    parser = argparse.ArgumentParser()
    import_module(f"wsframework.cli.{name}").add_arguments(parser)
    return {option: action for action in parser._actions for option in action.option_strings}


@pytest.mark.parametrize("name", ["check", "bench"])
def test_clients_have_the_same_options(name: str) -> None:
    """What I learned with `connect` works with the others: long and short names, defaults, and the same words."""
    options, learned = options_of(name), options_of("connect")
    for long, short in (("header", "-H"), ("subprotocol", "-s"), ("insecure", "-k"), ("ca", ""), ("origin", "")):
        action, known = options[f"--{long}"], learned[f"--{long}"]
        assert action.option_strings == known.option_strings == [each for each in (short, f"--{long}") if each]
        assert (action.default, action.metavar, action.help) == (known.default, known.metavar, known.help)
    assert options["--timeout"].default == learned["--timeout"].default == 10


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_shown_in_the_same_words(name: str) -> None:
    """In brackets at the end of the line."""
    for option, action in options_of(name).items():
        if "default" in (action.help or ""):
            assert action.help is not None
            assert "(default" in action.help, option
            assert action.help.endswith(")"), option


@pytest.mark.parametrize(("module", "name"), [("twisted.internet", "Twisted"), ("OpenSSL", "pyOpenSSL")])
def test_without_twisted_it_says_what_to_install(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--backend twisted on a machine that does not have it, or has it without TLS."""
    monkeypatch.delitem(sys.modules, "wsframework.cli.on_twisted", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as caught:
        main(["bench", "ws://127.0.0.1:1/", "--backend", "twisted"])
    assert caught.value.code == 2
    assert f"{name} is not installed: pip install '.[twisted]' in the checkout" in capsys.readouterr().err


def test_our_plugin_is_not_taken_for_twisted() -> None:
    """It lies in a folder `twisted`, which Python imports as a package; -S leaves out all that is installed."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "wsframework", "bench", "ws://127.0.0.1:1/", "--backend", "twisted"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Twisted is not installed: pip install '.[twisted]' in the checkout" in done.stderr


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
