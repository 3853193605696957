"""What is run: the combinations of roles, backends, receiving and sending APIs and codecs, and the suite's cases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

__all__ = [
    "APIS",
    "BACKENDS",
    "CODECS",
    "FORMS",
    "GROUPS",
    "ROLES",
    "Combination",
    "available_codecs",
    "combinations",
    "group_of",
    "thinned",
]

_ROOT = Path(__file__).parents[2]

ROLES = ("server", "client")
BACKENDS = ("twisted", "asyncio", "uvloop")
APIS = ("message", "streaming")
CODECS = ("pure", "compiled")

_BASE = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")
# Every kind of payload of 12 and every set of parameters of 13 once; small and large, in one frame and in many.
_SAMPLE = (
    *("12.1.3", "12.2.5", "12.3.2", "12.4.4", "12.5.11"),
    *("13.1.2", "13.2.3", "13.3.4", "13.4.2", "13.5.11", "13.6.3", "13.7.4"),
)
FORMS = {"short": (*_BASE, *_SAMPLE), "long": (*_BASE, "9.*", "12.*", "13.*")}
"""The patterns of cases of either form of a run."""

GROUPS = ("1 to 7", "9", "10", "12", "13")


def group_of(case: str) -> str:
    """The column of the published table that a case belongs to."""
    chapter = case.partition(".")[0]
    return GROUPS[0] if int(chapter) < 8 else chapter


@dataclass(frozen=True, slots=True)
class Combination:
    """One of our programs in one of its ways to run."""

    role: str
    backend: str
    api: str
    codec: str

    def __str__(self) -> str:
        return f"{self.role}-{self.backend}-{self.api}-{self.codec}"

    def environment(self) -> dict[str, str]:
        """The environment of the program: it names the codec."""
        environment = {name: value for name, value in os.environ.items() if name != "WSFRAMEWORK_PURE"}
        return {**environment, "WSFRAMEWORK_PURE": "1"} if self.codec == "pure" else environment


def available_codecs() -> tuple[str, ...]:
    """The codecs of this installation: the compiled one is optional, and runs only if all of its modules are there."""
    environment = Combination(ROLES[0], BACKENDS[0], APIS[0], "compiled").environment()
    command = [sys.executable, "-c", "from wsframework.build import COMPILED; print(COMPILED)"]
    answer = subprocess.run(command, env=environment, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=True)
    return CODECS if answer.stdout.strip() == "True" else CODECS[:1]


def combinations(
    roles: Iterable[str] = ROLES,
    backends: Iterable[str] = BACKENDS,
    apis: Iterable[str] = APIS,
    codecs: Iterable[str] = CODECS,
) -> list[Combination]:
    """All combinations of these."""
    return [Combination(*parts) for parts in product(roles, backends, apis, codecs)]


def thinned(chosen: Iterable[Combination]) -> list[Combination]:
    """Every other of them, so that each role still meets each backend, API and codec, and so on for every two."""
    return [parts for parts in chosen if _place(parts) % 2 == 0]


def _place(parts: Combination) -> int:
    by_role = ROLES.index(parts.role) + BACKENDS.index(parts.backend)
    return by_role + APIS.index(parts.api) + CODECS.index(parts.codec)
