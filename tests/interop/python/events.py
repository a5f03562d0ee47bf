"""Events of docs/protocol.md: ordered and acknowledged ones, and volatile ones in datagrams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import messages
import payload
from byte_stream import ByteStream, StreamEnded, StreamReset
from frames import FrameTooLong, FrameType, read_own_frame
from wire import ConnectionCode, Reader, Refusal, Violation, frame, name, varint

if TYPE_CHECKING:
    from session import Session

MAX_UNACKNOWLEDGED = 4_096
ACK_EVENTS = 64
ACK_DELAY_S = 0.010
MAX_FRAME_BYTES = 1 << 20
EVENTS_KIND = 0x03
EVENT_DATAGRAM = 0x05


class Events:
    """Events of one session, both directions."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stream: int | None = None
        self._sent = 0
        self._acknowledged = 0
        self._has_room = asyncio.Event()
        self._taken = 0
        self._told = 0
        self._ack_timer: asyncio.TimerHandle | None = None
        self.unheard: list[tuple[str, int]] = []

    @property
    def is_idle(self) -> bool:
        """Whether all events of ours are acknowledged."""
        return self._acknowledged == self._sent

    async def emit(self, event: str, value: Any) -> None:
        """Send an event; waits while too many are not acknowledged."""
        while self._sent - self._acknowledged >= MAX_UNACKNOWLEDGED:
            self._has_room.clear()
            await self._has_room.wait()
        self._sent += 1
        body = frame(FrameType.EVENT, varint(self._sent) + _event(event, value))
        if self._stream is None:
            self._stream = self._session.connection.open(False, varint(EVENTS_KIND) + body)
        else:
            self._session.connection.send(self._stream, body)

    def emit_volatile(self, event: str, value: Any) -> None:
        """Send an event that may be lost."""
        self._session.connection.send_datagram(varint(EVENT_DATAGRAM) + _event(event, value))

    async def all_acknowledged(self) -> None:
        while not self.is_idle:
            self._has_room.clear()
            await self._has_room.wait()

    async def read(self, stream: ByteStream) -> None:
        """An EVENTS stream of the other end."""
        try:
            while not await stream.at_end():
                _kind, body = await read_own_frame(stream, MAX_FRAME_BYTES, FrameType.EVENT)
                self._on_event(Reader(body))
        except StreamEnded:
            raise Violation("An EVENTS stream ended inside a frame") from None
        except StreamReset:
            if not self._session.closed.done():
                raise Violation("An EVENTS stream was reset") from None
        except FrameTooLong as too_long:
            raise Violation(str(too_long), ConnectionCode.LIMIT_EXCEEDED) from None

    def on_datagram(self, reader: Reader) -> None:
        try:
            event, value = reader.name(), payload.decode(reader.varint(), reader.rest())
        except Refusal:
            return
        listener = self._session.service.listeners.get(event)
        if listener is not None:
            listener(self._session, value)

    def on_ack(self, reader: Reader) -> None:
        sequence = reader.varint()
        reader.end()
        if sequence > self._sent:
            raise Violation(f"Event {sequence} was not sent")
        self._acknowledged = max(self._acknowledged, sequence)
        self._has_room.set()
        self._session.on_settled()

    def on_unheard(self, reader: Reader) -> None:
        _sequence, count, event = reader.varint(), reader.varint(), reader.name()
        self.unheard.append((event, count))

    def on_closed(self) -> None:
        self._acknowledged = self._sent
        self._has_room.set()
        if self._ack_timer is not None:
            self._ack_timer.cancel()

    def _on_event(self, reader: Reader) -> None:
        sequence = reader.varint()
        if sequence != self._taken + 1:
            raise Violation(f"Event {sequence} follows {self._taken}")
        self._taken = sequence
        event = None
        try:
            event = reader.name()
            value = payload.decode(reader.varint(), reader.rest())
            listener = self._session.service.listeners.get(event)
        except Refusal:
            listener = None
        if listener is not None:
            listener(self._session, value)
        elif event is not None:
            self._session.send_message(messages.event_unheard(sequence, 1, event))
        if self._taken - self._told >= ACK_EVENTS:
            self._acknowledge()
        elif self._ack_timer is None:
            self._ack_timer = asyncio.get_event_loop().call_later(ACK_DELAY_S, self._acknowledge)

    def _acknowledge(self) -> None:
        if self._ack_timer is not None:
            self._ack_timer.cancel()
            self._ack_timer = None
        if self._told < self._taken:
            self._told = self._taken
            self._session.send_control(FrameType.EVENT_ACK, varint(self._taken))


def _event(event: str, value: Any) -> bytes:
    encoding, content = payload.encode(value)
    return name(event) + varint(encoding) + content
