"""`options [NAME]`: the table of options, as the reference has it."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Final

from wsframework.cli.failures import UsageError
from wsframework.cli.option_rows import THEMES, default_text, facts, rows, size_text
from wsframework.options import OptionRow
from wsframework.websocket.serving import KEEPALIVE

__all__ = ["add_arguments", "run"]

_EPILOG: Final = (
    "They are keywords of a factory's setProtocolOptions(...), and of `serve`, `connect` and `Router.add`. A value of "
    "None leaves an option as it is."
)
# A line that is longer is hard to read, however wide the terminal.
_WIDEST: Final = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `options` can be told."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="an option, a part of its name, a theme or a word of the text (default: all)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print them; the exit status. `UsageError` where nothing matches."""
    names = set(rows() if arguments.name is None else _matching(arguments.name))
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    themes = [(theme, [name for name in members if name in names]) for theme, members in THEMES.items()]
    print("\n\n".join("\n".join(_theme(theme, members, width)) for theme, members in themes if members))
    return 0


def _theme(theme: str, names: list[str], width: int) -> list[str]:
    known = rows()
    return [theme, *(line for name in names for line in _option(*known[name], width))]


def _option(row: OptionRow, role: str, width: int) -> list[str]:
    """One option: as it is written with its default, who has it, and what it is for."""
    size = size_text(row)
    note = f"{role}; {size}" if size else role
    # Backquotes are the documentation's.
    sentence = row.sentence.replace("`", "")
    values = "" if row.type == "bool" else facts(row)
    own = f"In serve and connect: {KEEPALIVE[row.name]}." if row.name in KEEPALIVE else ""
    text = " ".join(part for part in (sentence, values, own) if part)
    fill = partial(textwrap.wrap, width=width, subsequent_indent=" " * 6, break_on_hyphens=False)
    written = f"{row.name} = {default_text(row)}  ({note})"
    return [*fill(written, initial_indent=" " * 2), *fill(text, initial_indent=" " * 6)]


def _matching(text: str) -> list[str]:
    """The names of the options that are meant: by name, else by a part of it or the theme, else by the sentence."""
    wanted = text.casefold()
    known = {name: row for name, (row, _) in rows().items()}
    theme_of = {name: theme.casefold() for theme, names in THEMES.items() for name in names}
    tries: list[Callable[[str], bool]] = [
        lambda name: name.casefold() == wanted,
        lambda name: wanted in name.casefold() or theme_of[name] == wanted,
        lambda name: wanted in known[name].sentence.casefold(),
    ]
    for matches in tries:
        if found := [name for name in known if matches(name)]:
            return found
    closest = get_close_matches(wanted, [name.casefold() for name in known], n=1)
    hint = "".join(f"; did you mean {name}?" for name in known if name.casefold() in closest)
    raise UsageError(f"there is no option {text!r}{hint}")
