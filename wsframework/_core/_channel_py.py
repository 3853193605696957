"""What an open connection carries: the application's messages, by whole or by parts, and how many there were."""

from __future__ import annotations

from typing import Final

from wsframework._core.codec import FrameReader, StreamSink
from wsframework._core.constants import OP_PING, OP_PONG, State
from wsframework._core.control import check_control
from wsframework._core.deflate import Deflater, Inflater, find_library
from wsframework._core.deflation import Deflation
from wsframework._core.negotiation import PerMessageDeflate
from wsframework._core.outgoing import Outgoing
from wsframework._core.port import Port
from wsframework._core.prepared import Prepared
from wsframework._core.violation import ProtocolViolation
from wsframework.exceptions import Disconnected
from wsframework.options import CommonOptions

__all__ = ["Channel", "may_send_on", "placed_on", "receive_on", "room_on", "send_on", "send_prepared_on"]

# Looked up once: this is the hot path.
_CONNECTING: Final = State.CONNECTING
_OPEN: Final = State.OPEN


# What is done for every message is done by functions: a compiled method that a subclass could override is looked up in
# Python each time.


def receive_on(channel: Channel, data: bytes) -> None:
    """`Channel.receive`."""
    channel._heard = True
    channel.octets_received += len(data)
    # Gather what is sent meanwhile, unless somebody does so already.
    is_ours = channel._out.cork()
    try:
        if channel.state is _CONNECTING:
            channel._receive_opening(data)
        else:
            channel._reader.feed(data)
    except ProtocolViolation as violation:
        channel._violated(violation)
    finally:
        if is_ours:
            channel._out.uncork()


def room_on(channel: Channel) -> memoryview | None:
    """`Channel.room`."""
    return channel._reader.room()


def placed_on(channel: Channel, size: int) -> None:
    """`Channel.placed`."""
    channel._heard = True
    channel.octets_received += size
    is_ours = channel._out.cork()
    try:
        channel._reader.placed(size)
    except ProtocolViolation as violation:
        channel._violated(violation)
    finally:
        if is_ours:
            channel._out.uncork()


def send_on(channel: Channel, payload: bytes, is_binary: bool, fragment_size: int, compress: bool) -> None:
    """`Channel.send_message`."""
    if channel.state is not _OPEN:
        channel._check_open("send a message")
    channel._out.message(payload, is_binary, fragment_size, compress)


def may_send_on(channel: Channel) -> bool:
    """Whether what is sent now would neither raise nor have to wait for the peer."""
    return channel.state is _OPEN and not channel._out.paused


def send_prepared_on(channel: Channel, message: Prepared) -> None:
    """`Channel.send_prepared`."""
    if channel.state is not _OPEN:
        channel._check_open("send a message")
    channel._out.prepared(message)


class Channel:
    """The part of a `Connection` that does not change its state; see there."""

    __slots__ = (
        "_end_after_frame",
        "_heard",
        "_inflater",
        "_out",
        "_owed_pong",
        "_port",
        "_reader",
        "extension",
        "octets_received",
        "options",
        "state",
    )

    _end_after_frame: bool
    _out: Outgoing
    _owed_pong: bytes | None
    _port: Port
    _reader: FrameReader
    octets_received: int
    options: CommonOptions
    state: State
    # permessage-deflate, where it was agreed on.
    extension: PerMessageDeflate | None
    _inflater: Inflater | None
    # A sign of life came since that was looked at last.
    _heard: bool

    # What the transport tells.

    def receive(self, data: bytes) -> None:
        """Octets arrived; any number, in any pieces."""
        receive_on(self, data)

    def room(self) -> memoryview | None:
        """Memory that the transport may put the next octets into, to be told of by `placed`; None: use `receive`."""
        return room_on(self)

    def placed(self, size: int) -> None:
        """`size` octets arrived there."""
        placed_on(self, size)

    def _receive_opening(self, data: bytes) -> None:
        raise AssertionError("a role decides this")

    def _violated(self, violation: ProtocolViolation) -> None:
        raise AssertionError("the connection decides this")

    @property
    def sending_is_paused(self) -> bool:
        """True while the transport is over its high-water mark."""
        return self._out.paused

    @property
    def buffered_amount(self) -> int:
        """Octets that were sent by us and not yet taken by the operating system."""
        return self._out.buffered

    @property
    def messages_received(self) -> int:
        """Whole messages that came, assembled or streamed."""
        return self._reader.messages

    @property
    def frames_received(self) -> int:
        """Frames of any kind that came."""
        return self._reader.frames

    @property
    def payload_received(self) -> int:
        """Octets in the messages that came, inflated."""
        return self._reader.payload_octets + self._reader.inflation

    @property
    def frame_payload_received(self) -> int:
        """Octets in the data frames that came, as they came."""
        return self._reader.payload_octets

    @property
    def messages_sent(self) -> int:
        """Whole messages that were sent."""
        return self._out.messages

    @property
    def frames_sent(self) -> int:
        """Frames of any kind that were sent."""
        return self._out.frames

    @property
    def payload_sent(self) -> int:
        """Octets in the messages that were sent, before compression."""
        return self._out.payload_octets + self._out.saved

    @property
    def frame_payload_sent(self) -> int:
        """Octets in the data frames that were sent, as they were sent."""
        return self._out.payload_octets

    @property
    def octets_sent(self) -> int:
        """Octets that went to the transport, or are about to."""
        return self._out.octets

    def cork(self) -> bool:
        """Gather from now on what is sent, for `uncork`; False, and nothing, when somebody does so already."""
        return self._out.cork()

    def uncork(self) -> None:
        """Send what was gathered: for whom `cork` was True."""
        self._out.uncork()

    def flush(self) -> None:
        """Send now what is gathered while a received chunk is being worked on."""
        self._out.flush()

    def extend(self, agreed: PerMessageDeflate, shared: Deflater) -> None:
        """From now on messages may be compressed, as `agreed`; whole ones that stand for themselves by `shared`."""
        self.extension = agreed
        library = find_library(agreed.compression.library)
        self._inflater = Inflater(library, agreed.peer_window_bits, agreed.peer_takes_over)
        limit, name = self.options.maxMessagePayloadSize, "maxMessagePayloadSize"
        if agreed.max_message_size and (not limit or agreed.max_message_size < limit):
            limit, name = agreed.max_message_size, "max_message_size"
        self._reader.inflate_with(self._inflater, limit, f"{name} ({limit})")
        self._out.deflation = Deflation(agreed, shared)

    @property
    def has_contexts(self) -> bool:
        """True while a context for compression or decompression takes memory."""
        deflation, inflater = self._out.deflation, self._inflater
        return (deflation is not None and deflation.has_context) or (inflater is not None and inflater.has_context)

    def release_contexts(self) -> None:
        """Give these contexts back, except in the middle of a message; they come back when they are needed."""
        if self._out.deflation is not None and not self._out.is_in_message:
            self._out.deflation.release()
        if self._inflater is not None:
            self._inflater.release()

    def stream_to(self, sink: StreamSink, pieces: bool) -> None:
        """Tell `sink` of messages while they come, by frames or by pieces, and assemble none; before `connected`."""
        self._reader.stream_to(sink, pieces)

    def send_message(self, payload: bytes, is_binary: bool, fragment_size: int = 0, compress: bool = True) -> None:
        """Send a message, in frames of at most `fragment_size` octets if that is not 0 (section 5.4).

        With permessage-deflate it is compressed if `compress`.
        """
        send_on(self, payload, is_binary, fragment_size, compress)

    def send_prepared(self, message: Prepared) -> None:
        """Send a message that is encoded already, as far as this connection can use that."""
        send_prepared_on(self, message)

    def begin_message(self, is_binary: bool, compress: bool = True) -> None:
        """Begin a message that is sent by parts."""
        self._check_open("begin a message")
        self._out.begin_message(is_binary, compress)

    def begin_frame(self, length: int) -> None:
        """Begin its next frame, of `length` octets."""
        self._check_open("begin a frame")
        self._out.begin_frame(length)

    def send_frame_data(self, payload: bytes) -> int:
        """Send octets of that frame; also while closing, for a Close cannot come inside of a frame.

        Returns how many are still missing, or minus how many were too much and are not sent.
        """
        if not self._out.close_waits:
            self._check_open("send a frame's data")
        rest = self._out.frame_data(payload)
        if self._end_after_frame and rest <= 0:
            self._end_after_frame = False
            self._port.close()
        return rest

    def send_frame(self, payload: bytes) -> None:
        """Send its next frame as a whole."""
        self._check_open("send a frame")
        self._out.frame(payload)

    def end_message(self) -> None:
        """End the message that is sent by parts."""
        self._check_open("end a message")
        self._out.end_message()

    def _check_open(self, what: str) -> None:
        if self.state is not _OPEN:
            state = "not open yet" if self.state is _CONNECTING else self.state.value
            raise Disconnected(f"cannot {what}: the connection is {state}")

    def send_ping(self, payload: bytes) -> None:
        """Send a Ping of at most 125 octets; nothing unless open."""
        check_control(payload)
        if self.state is State.OPEN:
            self._out.control(OP_PING, payload)

    def send_pong(self, payload: bytes) -> None:
        """Send a Pong of at most 125 octets; nothing unless open. To a peer that does not read, only the last one."""
        check_control(payload)
        if self.state is not State.OPEN:
            return
        if self._out.paused:
            self._owed_pong = payload
            return
        self._out.control(OP_PONG, payload)
