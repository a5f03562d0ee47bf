"""A session of docs/protocol.md: control stream, messages, drain; calls, events and media have files of their own."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from byte_stream import ByteStream, StreamEnded, StreamReset
from calls import Calls
from channels import Channels
from events import Events
from frames import FrameTooLong, FrameType, read_frame
from media import Media
from messages import MessageType
from service import Service
from wire import ConnectionCode, Reader, StreamCode, Violation, blob, frame, text, varint

if TYPE_CHECKING:
    from connection import Connection

CONTROL, MESSAGES, EVENTS, MEDIA, MEDIA_UNIT = 1, 2, 3, 4, 5
TIME_PROBE, TIME_ANSWER, MEDIA_FRAGMENT, MEDIA_PARITY, EVENT = 1, 2, 3, 4, 5
SETTING_MAX_MESSAGE_BYTES, SETTING_FEATURES = 0x01, 0x04
FEATURE_STREAMING_CALLS = 0x1
FLOOR_MESSAGE_BYTES = 1 << 20
MAX_CONTROL_FRAME_BYTES = 65_536
# Messages share a stream up to this, so that it fits a packet of 1,200 bytes.
PACKED_BYTES = 1_100

log = logging.getLogger("session")


def now_us() -> int:
    """Our monotonic clock."""
    return time.monotonic_ns() // 1000


class Session:
    """One end of a connection. Both ends may call, emit and stream."""

    def __init__(self, connection: Connection, service: Service) -> None:
        self.connection = connection
        self.service = service
        self.calls = Calls(self)
        self.channels = Channels(self)
        self.events = Events(self)
        self.media = Media(self)
        self.max_message_bytes = FLOOR_MESSAGE_BYTES
        self.peer_settings: asyncio.Future[dict[int, bytes]] = asyncio.get_event_loop().create_future()
        self.going_away: tuple[int, int, str] | None = None
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_event_loop().create_future()
        self._control: int | None = None
        self._has_control = False
        self._has_events = False
        self._packed: list[bytes] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._drain_code: ConnectionCode | None = None
        self._said_nothing_left = False
        self._peer_has_nothing_left = False
        self._probes: dict[tuple[int, int], tuple[int, asyncio.Future[tuple[int, int, int, int]]]] = {}

    @property
    def has_begun(self) -> bool:
        return self._control is not None

    def begin(self) -> None:
        """The handshake is complete, or early data can go: open the control stream, whose first frame is SETTINGS."""
        features = varint(SETTING_FEATURES) + blob(varint(FEATURE_STREAMING_CALLS))
        self._control = self.connection.open(False, varint(CONTROL) + frame(FrameType.SETTINGS, features))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something of this session; a violation it finds closes the connection."""
        task = asyncio.get_event_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def send_control(self, kind: FrameType, body: bytes) -> None:
        assert self._control is not None
        self.connection.send(self._control, frame(kind, body))

    def send_message(self, message: bytes) -> None:
        """Small messages that are sent together share a stream, large ones have their own."""
        if len(message) > PACKED_BYTES:
            self.connection.open(False, varint(MESSAGES) + blob(message), end=True)
            return
        if not self._packed:
            asyncio.get_event_loop().call_soon(self._flush)
        self._packed.append(blob(message))

    async def measure(self) -> tuple[int, int, int, int]:
        """One exchange with the other end's clock: t1 to t4."""
        sequence, nonce = len(self._probes), int.from_bytes(time.monotonic_ns().to_bytes(8, "big")[-4:], "big")
        arrived: asyncio.Future[tuple[int, int, int, int]] = asyncio.get_event_loop().create_future()
        self._probes[sequence, nonce] = (now_us(), arrived)
        self.connection.send_datagram(varint(TIME_PROBE) + struct.pack(">II", sequence, nonce))
        return await arrived

    async def drain(self, grace_ms: int, code: ConnectionCode, reason: str = "") -> None:
        """Close in order: finish what runs, refuse what is new, close when both ends have nothing left."""
        self._drain_code = code
        self.send_control(FrameType.GOAWAY, varint(code) + varint(grace_ms) + text(reason))
        self.on_settled()
        try:
            await asyncio.wait_for(asyncio.shield(self.closed), grace_ms / 1000)
        except asyncio.TimeoutError:
            self.connection.close_with(code, reason)

    @property
    def refuses(self) -> bool:
        """Whether calls that arrive now are not processed any more."""
        return self._drain_code is not None

    def on_settled(self) -> None:
        """Something ended: perhaps it was the last thing a drain waits for."""
        if self.closed.done() or not (self.refuses or self.going_away is not None):
            return
        is_idle = self.calls.is_idle and self.channels.is_idle and self.events.is_idle and self.media.is_idle
        if is_idle and not self._said_nothing_left:
            self._said_nothing_left = True
            self.send_control(FrameType.GOAWAY, varint(ConnectionCode.NO_ERROR) + varint(0) + text(""))
        runs_nothing = self.calls.runs_nothing and self.channels.runs_nothing and self.media.runs_nothing
        is_over = self._said_nothing_left and self._peer_has_nothing_left and runs_nothing
        if self._drain_code is not None and is_over:
            self.connection.close_with(self._drain_code)

    def on_stream(self, stream_id: int, stream: ByteStream, is_bidirectional: bool) -> None:
        if is_bidirectional:
            self.spawn(self.channels.serve(stream_id, stream))
        else:
            self.spawn(self._read_stream(stream_id, stream))

    def on_stopped(self, stream_id: int, code: int) -> None:
        self.channels.on_stopped(stream_id, code)
        self.media.on_stopped(stream_id, code)

    def on_datagram(self, data: bytes) -> None:
        """What is malformed is dropped, and so are kinds that are not known."""
        arrived_us = now_us()
        try:
            reader = Reader(data)
            kind = reader.varint()
            if kind == TIME_PROBE:
                stamps = reader.exactly(8) + struct.pack(">QQ", arrived_us, now_us())
                self.connection.send_datagram(varint(TIME_ANSWER) + stamps)
            elif kind == TIME_ANSWER:
                probe = self._probes.get((reader.unsigned(4), reader.unsigned(4)))
                if probe is not None and not probe[1].done():
                    probe[1].set_result((probe[0], reader.unsigned(8), reader.unsigned(8), arrived_us))
            elif kind == MEDIA_FRAGMENT:
                self.media.on_fragment(reader)
            elif kind == MEDIA_PARITY:
                self.media.on_parity(reader)
            elif kind == EVENT:
                self.events.on_datagram(reader)
        except Violation:
            pass

    def on_closed(self, code: int, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result((code, reason))
        for part in (self.calls, self.channels, self.events, self.media):
            part.on_closed()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Violation as violation:
            log.warning("violation: %s", violation)
            self.connection.close_with(violation.code, str(violation))
        except Exception:
            log.exception("internal error")
            self.connection.close_with(ConnectionCode.INTERNAL_ERROR, "internal error")

    async def _read_stream(self, stream_id: int, stream: ByteStream) -> None:
        try:
            if await stream.at_end():
                return
            kind = await stream.varint()
        except (StreamReset, StreamEnded):
            return
        if kind == CONTROL:
            await self._read_control(stream)
        elif kind == MESSAGES:
            await self._read_messages(stream)
        elif kind == EVENTS:
            if self._has_events:
                raise Violation("A second EVENTS stream")
            self._has_events = True
            await self.events.read(stream)
            self._has_events = False
        elif kind == MEDIA:
            await self.media.read(stream_id, stream)
        elif kind == MEDIA_UNIT:
            await self.media.read_unit(stream)
        else:
            self.connection.stop(stream_id, StreamCode.UNKNOWN_KIND)

    async def _read_control(self, stream: ByteStream) -> None:
        if self._has_control:
            raise Violation("A second CONTROL stream")
        self._has_control = True
        try:
            while True:
                kind, body = await read_frame(stream, MAX_CONTROL_FRAME_BYTES)
                self._on_control(kind, Reader(body))
        except (StreamEnded, StreamReset):
            if not self.closed.done():
                raise Violation("The CONTROL stream ended") from None
        except FrameTooLong as too_long:
            raise Violation(str(too_long)) from None

    def _on_control(self, kind: int, reader: Reader) -> None:
        if (kind == FrameType.SETTINGS) == self.peer_settings.done():
            raise Violation("SETTINGS must come first, and once")
        if kind == FrameType.SETTINGS:
            self.peer_settings.set_result(settings := _read_settings(reader))
            raised = settings.get(SETTING_MAX_MESSAGE_BYTES)
            if raised is not None:
                self.max_message_bytes = max(FLOOR_MESSAGE_BYTES, Reader(raised).varint())
        elif kind == FrameType.GOAWAY:
            code, grace_ms, reason = reader.varint(), reader.varint(), reader.text()
            reader.end()
            if grace_ms == 0:
                self._peer_has_nothing_left = True
            else:
                self.going_away = (code, grace_ms, reason)
            self.on_settled()
        elif kind == FrameType.EVENT_ACK:
            self.events.on_ack(reader)
        else:
            # RESUMED among them: nothing was resumed.
            raise Violation(f"Frame {kind:#x} on the CONTROL stream")

    async def _read_messages(self, stream: ByteStream) -> None:
        try:
            while not await stream.at_end():
                size = await stream.varint()
                if size > FLOOR_MESSAGE_BYTES:
                    self._on_oversize(Reader(await stream.exactly(10)))
                    await stream.skip(size - 10)
                else:
                    self._on_message(Reader(await stream.exactly(size)))
        except StreamEnded:
            raise Violation("A stream ended inside a message") from None
        except StreamReset:
            pass  # The message in progress never was.

    def _on_message(self, reader: Reader) -> None:
        if reader.left == 0:
            raise Violation("An empty message")
        kind = reader.varint()
        if kind == MessageType.REQUEST:
            self.calls.on_request(reader)
        elif kind == MessageType.ANSWER:
            self.calls.on_answer(reader)
        elif kind == MessageType.FAILURE:
            self.calls.on_failure(reader)
        elif kind == MessageType.CANCEL:
            self.calls.on_cancel(reader)
        elif kind == MessageType.STREAM_STATUS:
            self.media.on_status(reader)
        elif kind == MessageType.EVENT_UNHEARD:
            self.events.on_unheard(reader)
        elif kind == MessageType.STREAM_REPORT:
            self.media.on_report(reader)

    def _on_oversize(self, reader: Reader) -> None:
        kind = reader.varint()
        if kind == MessageType.REQUEST:
            reader.unsigned(1)
            self.calls.refuse_oversize(reader.varint())
        elif kind in (MessageType.ANSWER, MessageType.FAILURE):
            reader.unsigned(1)
            self.calls.fail_oversize(reader.varint())

    def _flush(self) -> None:
        stream = b""
        for message in self._packed:
            if stream and len(stream) + len(message) > PACKED_BYTES:
                self.connection.open(False, varint(MESSAGES) + stream, end=True)
                stream = b""
            stream += message
        self._packed.clear()
        self.connection.open(False, varint(MESSAGES) + stream, end=True)


def _read_settings(reader: Reader) -> dict[int, bytes]:
    settings: dict[int, bytes] = {}
    while reader.left > 0:
        identifier = reader.varint()
        if identifier in settings:
            raise Violation(f"Setting {identifier:#x} twice")
        settings[identifier] = reader.blob()
    return settings
