"""How `--help` sets what stands around the list of options."""

from __future__ import annotations

import argparse
import textwrap

__all__ = ["Paragraphs"]


class Paragraphs(argparse.HelpFormatter):
    """Fills each line of a description or an epilog to the terminal's width: a line is a paragraph, and stays one."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = text.splitlines()
        return "\n".join(textwrap.fill(line, width, initial_indent=indent, subsequent_indent=indent) for line in lines)
