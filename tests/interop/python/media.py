"""Media streams of docs/protocol.md: all deliveries, both directions."""

from __future__ import annotations

import asyncio
import struct
from collections import defaultdict
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, NamedTuple

import messages
from byte_stream import ByteStream, StreamEnded, StreamReset
from fragments import Fragments, cut, parity
from frames import FrameTooLong, FrameType, read_own_frame
from wire import Metadata, Reader, Refusal, Status, StreamCode, Violation, blob, frame, metadata_block, name, varint

if TYPE_CHECKING:
    from session import Session

MEDIA_KIND, MEDIA_UNIT_KIND = 0x04, 0x05
MAX_FRAME_BYTES = 1 << 20
MAX_EARLY_FRAMES = 1_024
# After END, frames that are missing are waited for this long beyond the max latency.
ROUND_TRIP_S = 0.2


class Delivery(IntEnum):
    RELIABLE = 0
    EXPIRING = 1
    DATAGRAM = 2


class MediaFlag(IntFlag):
    END = 0x01
    SENT = 0x02


class MediaFrame(NamedTuple):
    flags: int
    sequence: int
    timestamp: int
    payload: bytes


class Header(NamedTuple):
    media_id: int
    stream_name: str
    clock_rate: int
    delivery: Delivery
    max_latency_ms: int
    parity_group: int
    metadata: Metadata


def read_media_frame(reader: Reader) -> MediaFrame:
    """The body of a MEDIA frame."""
    return MediaFrame(reader.unsigned(1), reader.unsigned(4), reader.unsigned(8), reader.rest())


def media_body(flags: int, sequence: int, timestamp: int, content: bytes) -> bytes:
    return struct.pack(">BIQ", flags, sequence & 0xFFFFFFFF, timestamp) + content


class OutgoingMedia:
    """A media stream of ours. `status` is what its receiver says last: status, frames received, text."""

    def __init__(self, session: Session, header: Header) -> None:
        self.header = header
        self.status: asyncio.Future[tuple[Status, int, str]] = asyncio.get_event_loop().create_future()
        self._session = session
        self._sequence = 0
        self._packet = 0
        self._group: list[bytes] = []
        self._group_start = 0
        fields = bytes([1 if header.metadata else 0]) + varint(header.media_id) + name(header.stream_name)
        fields += varint(header.clock_rate) + bytes([header.delivery])
        if header.delivery != Delivery.RELIABLE:
            fields += varint(header.max_latency_ms)
        if header.delivery == Delivery.DATAGRAM:
            fields += bytes([header.parity_group])
        if header.metadata:
            fields += metadata_block(header.metadata)
        self.stream_id = session.connection.open(False, varint(MEDIA_KIND) + blob(fields))

    def send(self, content: bytes, timestamp: int) -> None:
        body = media_body(0, self._sequence, timestamp, content)
        if self.header.delivery == Delivery.RELIABLE:
            self._session.connection.send(self.stream_id, frame(FrameType.MEDIA, body))
        elif self.header.delivery == Delivery.EXPIRING:
            unit = varint(MEDIA_UNIT_KIND) + varint(self.header.media_id) + frame(FrameType.MEDIA, body)
            self._session.connection.open(False, unit, end=True)
        else:
            for protected in cut(body[:13], content):
                self._send_fragment(protected)
        self._sequence += 1

    def send_clock(self, timestamp: int, clock_us: int) -> None:
        """Say when what has this timestamp was captured, on our monotonic clock."""
        body = struct.pack(">QQ", timestamp, clock_us)
        self._session.connection.send(self.stream_id, frame(FrameType.MEDIA_CLOCK, body))

    async def end(self) -> tuple[Status, int, str]:
        """No more frames; what the receiver says then."""
        self._send_parity()
        last = frame(FrameType.MEDIA, media_body(MediaFlag.END, self._sequence, 0, b""))
        self._session.connection.send(self.stream_id, last, end=True)
        return await self.status

    def reset(self, code: StreamCode = StreamCode.CANCELLED) -> None:
        self._session.connection.reset(self.stream_id, code)
        self._session.media.sending.pop(self.header.media_id, None)

    def _send_fragment(self, protected: bytes) -> None:
        head = varint(0x03) + varint(self.header.media_id) + struct.pack(">I", self._packet)
        self._session.connection.send_datagram(head + protected)
        group = self.header.parity_group
        if group > 0:
            if not self._group:
                self._group_start = self._packet
            self._group.append(protected)
            if self._packet % group == group - 1:
                self._send_parity()
        self._packet += 1

    def _send_parity(self) -> None:
        if self._group:
            head = varint(0x04) + varint(self.header.media_id) + struct.pack(">I", self._group_start)
            self._session.connection.send_datagram(head + parity(self._group))
            self._group = []


class IncomingMedia:
    """A media stream of the other end: read its frames by `async for`, in the order in which they arrive."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.frames_taken = 0
        self._frames: asyncio.Queue[MediaFrame | None] = asyncio.Queue()
        self._seen: set[int] = set()
        self._expected: int | None = None
        self._complete = asyncio.Event()

    def insert(self, media_frame: MediaFrame) -> None:
        """One that arrives twice counts once."""
        if media_frame.sequence in self._seen:
            return
        self._seen.add(media_frame.sequence)
        self._frames.put_nowait(media_frame)
        self._check()

    def end(self, expected: int) -> None:
        self._expected = expected
        self._check()

    async def wait_complete(self, seconds: float) -> None:
        """Until every frame is there, or the time is over."""
        try:
            await asyncio.wait_for(self._complete.wait(), seconds)
        except asyncio.TimeoutError:
            pass
        self._frames.put_nowait(None)

    def __aiter__(self) -> IncomingMedia:
        return self

    async def __anext__(self) -> MediaFrame:
        media_frame = await self._frames.get()
        if media_frame is None:
            raise StopAsyncIteration
        self.frames_taken += 1
        return media_frame

    def _check(self) -> None:
        if self._expected is not None and len(self._seen) >= self._expected:
            self._complete.set()


class Media:
    """Media streams of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next_id = 0
        self.sending: dict[int, OutgoingMedia] = {}
        self._incoming: dict[int, IncomingMedia] = {}
        self._early: defaultdict[int, list[MediaFrame]] = defaultdict(list)
        self._fragments: defaultdict[int, Fragments] = defaultdict(Fragments)
        self._over: set[int] = set()

    @property
    def is_idle(self) -> bool:
        """Whether all streams of ours have been settled."""
        return not self.sending

    @property
    def runs_nothing(self) -> bool:
        return not self._incoming

    def open(
        self,
        stream_name: str,
        delivery: Delivery,
        clock_rate: int = 1_000_000,
        max_latency_ms: int = 2_000,
        parity_group: int = 0,
        metadata: Metadata | None = None,
    ) -> OutgoingMedia:
        header = Header(self._next_id, stream_name, clock_rate, delivery, max_latency_ms, parity_group, metadata or [])
        self._next_id += 1
        sending = self.sending[header.media_id] = OutgoingMedia(self._session, header)
        return sending

    def on_status(self, reader: Reader) -> None:
        media_id, status, frames, message = reader.varint(), reader.unsigned(1), reader.varint(), reader.text()
        reader.end()
        if status > Status.UNAUTHENTICATED:
            raise Violation(f"Status {status} is none")
        sending = self.sending.pop(media_id, None)
        if sending is not None and not sending.status.done():
            sending.status.set_result((Status(status), frames, message))
        self._session.on_settled()

    def on_report(self, reader: Reader) -> None:
        """Reports are for statistics: here only whether they can be read."""
        _media_id, _flags, _expected, _received, _jitter_us = (
            reader.varint(),
            reader.unsigned(1),
            reader.varint(),
            reader.varint(),
            reader.varint(),
        )
        reader.end()

    def on_stopped(self, stream_id: int, code: int) -> None:
        """STOP_SENDING may overtake the STREAM_STATUS that explains it: nothing to do but wait for that."""

    def on_closed(self) -> None:
        for sending in self.sending.values():
            if not sending.status.done():
                sending.status.set_result((Status.UNAVAILABLE, 0, "The connection ended"))

    async def read(self, stream_id: int, stream: ByteStream) -> None:
        """A MEDIA stream of the other end, behind its kind."""
        try:
            size = await stream.varint()
            if size > 2 * 16_384 + 192:
                raise Violation(f"Media header of {size} bytes")
            reader = Reader(await stream.exactly(size))
        except (StreamEnded, StreamReset):
            return
        flags = messages.read_flags(reader, 1)
        media_id = reader.varint()
        try:
            header = _read_header(reader, flags, media_id)
            handler = self._session.service.streams.get(header.stream_name)
            if handler is None:
                raise Refusal(Status.UNIMPLEMENTED, f"Nobody takes streams called {header.stream_name}")
        except Refusal as refusal:
            self._over.add(media_id)
            self._session.send_message(messages.stream_status(media_id, refusal.status, 0, str(refusal)))
            self._session.connection.stop(stream_id, StreamCode.REFUSED)
            return
        incoming = self._incoming[media_id] = IncomingMedia(header)
        for early in self._early.pop(media_id, []):
            incoming.insert(early)
        reading = self._session.spawn(handler(self._session, incoming))
        status = await self._read_frames(incoming, stream)
        if status is Status.OK:
            await reading
        else:
            reading.cancel()
        del self._incoming[media_id]
        self._over.add(media_id)
        if status is not None:
            self._session.send_message(messages.stream_status(media_id, status, incoming.frames_taken))
        self._session.on_settled()

    async def read_unit(self, stream: ByteStream) -> None:
        """A MEDIA_UNIT stream of the other end, behind its kind: it may end anywhere."""
        try:
            media_id = await stream.varint()
            while not await stream.at_end():
                _kind, body = await read_own_frame(stream, MAX_FRAME_BYTES, FrameType.MEDIA)
                media_frame = read_media_frame(Reader(body))
                if media_frame.flags & MediaFlag.END:
                    return
                self._insert(media_id, media_frame, Delivery.EXPIRING)
        except (StreamEnded, StreamReset, FrameTooLong):
            pass

    def on_fragment(self, reader: Reader) -> None:
        media_id, packet = reader.varint(), reader.unsigned(4)
        for body in self._fragments[media_id].insert(packet, reader.rest()):
            self._insert(media_id, read_media_frame(Reader(body)), Delivery.DATAGRAM)

    def on_parity(self, reader: Reader) -> None:
        media_id, first, count = reader.varint(), reader.unsigned(4), reader.unsigned(1)
        lengths = reader.unsigned(2)
        for body in self._fragments[media_id].recover(first, count, lengths, reader.rest()):
            self._insert(media_id, read_media_frame(Reader(body)), Delivery.DATAGRAM)

    def _insert(self, media_id: int, media_frame: MediaFrame, delivery: Delivery) -> None:
        incoming = self._incoming.get(media_id)
        if incoming is not None:
            if incoming.header.delivery != delivery:
                raise Violation(f"A frame of media stream {media_id} came another way than its header says")
            incoming.insert(media_frame)
        elif media_id not in self._over and len(self._early[media_id]) < MAX_EARLY_FRAMES:
            self._early[media_id].append(media_frame)

    async def _read_frames(self, incoming: IncomingMedia, stream: ByteStream) -> Status | None:
        """What the stream came to; None when its sender reset it."""
        expected = 0
        try:
            while True:
                kind, body = await read_own_frame(stream, MAX_FRAME_BYTES, FrameType.MEDIA, FrameType.MEDIA_CLOCK)
                reader = Reader(body)
                if kind == FrameType.MEDIA_CLOCK:
                    reader.unsigned(8), reader.unsigned(8)
                    reader.end()
                    continue
                media_frame = read_media_frame(reader)
                is_reliable = incoming.header.delivery is Delivery.RELIABLE
                if media_frame.flags & MediaFlag.END:
                    incoming.end(media_frame.sequence)
                    wait_s = 0.0 if is_reliable else incoming.header.max_latency_ms / 1000 + ROUND_TRIP_S
                    await incoming.wait_complete(wait_s)
                    return Status.OK
                if not is_reliable or media_frame.sequence != expected:
                    raise Violation(f"Frame {media_frame.sequence} on the MEDIA stream, expected {expected}")
                expected += 1
                incoming.insert(media_frame)
        except StreamEnded:
            return Status.DATA_LOSS
        except StreamReset:
            return None
        except FrameTooLong:
            return Status.RESOURCE_EXHAUSTED


def _read_header(reader: Reader, flags: int, media_id: int) -> Header:
    """@raise Refusal: when the stream is not taken."""
    stream_name, clock_rate, delivery = reader.name(), reader.varint(), reader.unsigned(1)
    if not 1 <= clock_rate <= 0xFFFFFFFF:
        raise Violation(f"Clock rate {clock_rate}")
    if delivery not in tuple(Delivery):
        raise Refusal(Status.UNIMPLEMENTED, f"Delivery {delivery} is unknown")
    max_latency_ms = parity_group = 0
    if delivery != Delivery.RELIABLE:
        max_latency_ms = reader.varint()
        if not 1 <= max_latency_ms <= 3_600_000:
            raise Violation(f"Max latency {max_latency_ms}")
    if delivery == Delivery.DATAGRAM:
        parity_group = reader.unsigned(1)
        if parity_group > 32:
            raise Violation(f"Parity group {parity_group}")
    metadata = reader.metadata() if flags & 1 else []
    reader.end()
    return Header(media_id, stream_name, clock_rate, Delivery(delivery), max_latency_ms, parity_group, metadata)
