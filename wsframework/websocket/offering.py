"""What is done for every receiver of a broadcast, in the build that runs; see `_offering_py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework.websocket import _offering_py as _offering
else:
    _offering = pick("_offering", __package__)

__all__ = ["Receiver", "Tally", "deliver_to", "offer_to_all"]

Receiver = _offering.Receiver
Tally = _offering.Tally
deliver_to = _offering.deliver_to
offer_to_all = _offering.offer_to_all
