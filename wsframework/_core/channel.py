"""What an open connection carries, in the build that runs; see `_channel_py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework._core import _channel_py as _channel
else:
    _channel = pick("_channel")

__all__ = ["Channel", "may_send_on", "placed_on", "receive_on", "room_on", "send_on", "send_prepared_on"]

Channel = _channel.Channel
may_send_on = _channel.may_send_on
placed_on = _channel.placed_on
receive_on = _channel.receive_on
room_on = _channel.room_on
send_on = _channel.send_on
send_prepared_on = _channel.send_prepared_on
