"""The ends of a command that are no mistakes of the program."""

from __future__ import annotations

__all__ = ["Failure", "OutputGone", "Stopped", "UsageError"]


class UsageError(Exception):
    """The arguments do not fit; the text is for whoever typed them. Exit status 2."""


class Failure(Exception):
    """The network, or something else outside, did not do what was asked; the text is one line. Exit status 1."""


class OutputGone(Exception):
    """Whoever read what we print has gone. Exit status 1, and not a word."""


class Stopped(Exception):
    """A signal asked to stop, and everything is closed. Exit status 128 and its `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.number = number
