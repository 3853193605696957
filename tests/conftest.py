"""What holds for all tests."""

from __future__ import annotations

import gc
import signal

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("wsframework", deadline=None)
settings.load_profile("wsframework")


def pytest_collection_finish() -> None:
    """From here on the garbage collector leaves alone what is there: the tests, and all that they import.

    Tests that ask whether something is forgotten collect by hand, hundreds of times, and would each look through it.
    """
    gc.collect()
    gc.freeze()


# Whoever starts the tests in the background of a shell has them ignore Ctrl-C, and every program that they start would
# inherit that and not be ended by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
