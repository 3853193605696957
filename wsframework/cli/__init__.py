"""What can be done from a shell: `wsframework COMMAND`, or `python -m wsframework COMMAND`."""

from __future__ import annotations

__all__: list[str] = []
