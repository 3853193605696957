"""`python -m wsframework`: the command line; without a command it says what runs here."""

from __future__ import annotations

import sys

from wsframework.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
