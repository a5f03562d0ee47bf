"""Streaming calls of docs/protocol.md, both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import messages
import payload
from byte_stream import ByteStream, StreamEnded, StreamReset
from frames import FrameTooLong, FrameType, read_own_frame
from messages import CallError, CallFields, Flag
from service import Call, Method
from wire import Disposition, Metadata, Reader, Refusal, Status, StreamCode, Violation, frame, metadata_block, varint

if TYPE_CHECKING:
    from session import Session

MAX_FRAME_BYTES = 1 << 20


class Channel:
    """A streaming call of ours: send items, end, read answers by `async for`."""

    def __init__(self, session: Session, fields: CallFields) -> None:
        self._session = session
        self._ended = False
        self._over = False
        headers = frame(FrameType.HEADERS, bytes([fields.flags]) + fields.encode())
        self._id = session.connection.open(True, headers)
        self._stream = session.connection.incoming(self._id)
        self._had_headers = False
        self.headers: Metadata = []
        self.trailers: Metadata = []
        session.channels.calling.add(self)

    def send(self, value: Any) -> None:
        self._session.connection.send(self._id, frame(FrameType.MESSAGE, _encode_item(value)))

    def end(self) -> None:
        """No more items from here."""
        self._ended = True
        self._session.connection.send(self._id, frame(FrameType.END, b""), end=True)

    def cancel(self) -> None:
        """The answers are not wanted any more."""
        if not self._ended:
            self._session.connection.reset(self._id, StreamCode.CANCELLED)
        if not self._over:
            self._session.connection.stop(self._id, StreamCode.CANCELLED)
        self._finish()

    @property
    def takes_no_more(self) -> bool:
        """Whether the other end has stopped our items."""
        return self._session.connection.stopped(self._id) is not None

    def __aiter__(self) -> Channel:
        return self

    async def __anext__(self) -> Any:
        """@raise CallError: when the call fails."""
        if self._over:
            raise StopAsyncIteration
        try:
            return await self._next()
        except (StreamEnded, StreamReset) as ending:
            self._finish()
            if self._session.closed.done():
                raise CallError(Status.UNAVAILABLE, "The connection ended", Disposition.PERHAPS_PROCESSED) from ending
            raise CallError(Status.DATA_LOSS, "The stream ended without a TRAILER") from ending
        except FrameTooLong as too_long:
            self.cancel()
            raise CallError(Status.RESOURCE_EXHAUSTED, str(too_long)) from too_long
        except CallError:
            self._finish()
            raise

    async def collect(self) -> list[Any]:
        """All answers."""
        return [item async for item in self]

    async def _next(self) -> Any:
        while True:
            kind, body = await read_own_frame(
                self._stream, MAX_FRAME_BYTES, FrameType.HEADERS, FrameType.MESSAGE, FrameType.TRAILER
            )
            reader = Reader(body)
            if kind == FrameType.HEADERS:
                if self._had_headers:
                    raise Violation("HEADERS twice")
                self._had_headers = True
                self.headers = _read_metadata(reader, messages.read_flags(reader, Flag.METADATA))
            elif kind == FrameType.MESSAGE:
                if not self._had_headers:
                    raise Violation("MESSAGE before HEADERS")
                return payload.decode(reader.varint(), reader.rest())
            else:
                self._on_trailer(reader)

    def _on_trailer(self, reader: Reader) -> None:
        flags = reader.unsigned(1)
        if reader.peek() != Status.OK:
            raise messages.read_failure(reader, flags)
        reader.unsigned(1)
        if flags & ~Flag.METADATA:
            raise Violation(f"Unknown flags {flags:#x}")
        self.trailers = _read_metadata(reader, flags)
        self._finish()
        raise StopAsyncIteration

    def _finish(self) -> None:
        self._over = True
        self._session.channels.calling.discard(self)
        self._session.on_settled()


class Channels:
    """Streaming calls of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.calling: set[Channel] = set()
        self._serving: dict[int, asyncio.Task[None]] = {}

    @property
    def is_idle(self) -> bool:
        return not self.calling

    @property
    def runs_nothing(self) -> bool:
        return not self._serving

    def open(self, method: str, **fields: Any) -> Channel:
        """Call a method with a sequence of items."""
        return Channel(self._session, CallFields(method, **fields))

    def open_with(self, method: str, value: Any, **fields: Any) -> Channel:
        """Call a method that takes one item."""
        channel = self.open(method, **fields)
        channel.send(value)
        channel.end()
        return channel

    async def serve(self, stream_id: int, stream: ByteStream) -> None:
        """A streaming call of the other end."""
        try:
            kind, body = await read_own_frame(stream, MAX_FRAME_BYTES, FrameType.HEADERS)
            reader = Reader(body)
            fields = messages.read_call_fields(reader, messages.call_flags(reader))
            reader.end()
        except (StreamEnded, StreamReset):
            return
        except (Refusal, FrameTooLong) as refusal:
            status = refusal.status if isinstance(refusal, Refusal) else Status.RESOURCE_EXHAUSTED
            return self._trailer(stream_id, CallError(status, str(refusal), Disposition.NOT_PROCESSED), False)
        method = self._session.service.methods.get(fields.method)
        if self._session.refuses:
            error = CallError(Status.UNAVAILABLE, "Going away", Disposition.NOT_PROCESSED)
            return self._trailer(stream_id, error, False)
        if method is None:
            error = CallError(Status.UNIMPLEMENTED, f"No method {fields.method}", Disposition.NOT_PROCESSED)
            return self._trailer(stream_id, error, False)
        serving = _Serving(self._session, stream_id, stream, Call(self._session, fields), method)
        self._serving[stream_id] = self._session.spawn(self._run(stream_id, serving))

    def on_stopped(self, stream_id: int, _code: int) -> None:
        serving = self._serving.get(stream_id)
        if serving is not None:
            serving.cancel()

    def on_closed(self) -> None:
        for serving in self._serving.values():
            serving.cancel()

    async def _run(self, stream_id: int, serving: _Serving) -> None:
        error: CallError | None = None
        try:
            await serving.call.limited(serving.answer())
        except CallError as failure:
            error = failure
        except asyncio.CancelledError:
            self._session.connection.reset(stream_id, StreamCode.CANCELLED)
            self._session.connection.stop(stream_id, StreamCode.CANCELLED)
            raise
        finally:
            del self._serving[stream_id]
            self._session.on_settled()
        self._trailer(stream_id, error, serving.has_seen_end, serving.call.answer_metadata)

    def _trailer(
        self, stream_id: int, error: CallError | None, seen_end: bool, metadata: Metadata | None = None
    ) -> None:
        if error is not None:
            flags, content = messages.failure_fields(error)
        else:
            flags = Flag.METADATA if metadata else 0
            content = bytes([Status.OK]) + (metadata_block(metadata) if metadata else b"")
        self._session.connection.send(stream_id, frame(FrameType.TRAILER, bytes([flags]) + content), end=True)
        if not seen_end:
            self._session.connection.stop(stream_id, StreamCode.CANCELLED)


class _Serving:
    """A streaming call of the other end whose handler runs."""

    def __init__(self, session: Session, stream_id: int, stream: ByteStream, call: Call, method: Method) -> None:
        self.call = call
        self.has_seen_end = False
        self._connection = session.connection
        self._id = stream_id
        self._stream = stream
        self._method = method
        self._had_headers = False

    async def answer(self) -> None:
        request = self._items() if self._method.many_requests else await self._single()
        answer = self._method.handler(self.call, request)
        if self._method.many_answers:
            async for value in answer:
                self._send(value)
        else:
            self._send(await answer)
        self._send_headers()

    def _send(self, value: Any) -> None:
        self._send_headers()
        self._connection.send(self._id, frame(FrameType.MESSAGE, _encode_item(value)))

    def _send_headers(self) -> None:
        if not self._had_headers:
            self._had_headers = True
            self._connection.send(self._id, frame(FrameType.HEADERS, bytes([0])))

    async def _single(self) -> Any:
        items = [item async for item in self._items()]
        if len(items) != 1:
            raise CallError(Status.INVALID_ARGUMENT, f"{len(items)} items instead of one", Disposition.NOT_PROCESSED)
        return items[0]

    async def _items(self) -> AsyncIterator[Any]:
        while True:
            try:
                kind, body = await read_own_frame(self._stream, MAX_FRAME_BYTES, FrameType.MESSAGE, FrameType.END)
            except StreamReset:
                raise asyncio.CancelledError from None
            except StreamEnded:
                raise CallError(Status.DATA_LOSS, "The request ended without END") from None
            except FrameTooLong as too_long:
                raise CallError(Status.RESOURCE_EXHAUSTED, str(too_long)) from None
            reader = Reader(body)
            if kind == FrameType.END:
                reader.end()
                self.has_seen_end = True
                return
            try:
                yield payload.decode(reader.varint(), reader.rest())
            except Refusal as refusal:
                raise CallError(refusal.status, str(refusal)) from None


def _encode_item(value: Any) -> bytes:
    encoding, content = payload.encode(value)
    return varint(encoding) + content


def _read_metadata(reader: Reader, flags: int) -> Metadata:
    metadata = reader.metadata() if flags & Flag.METADATA else []
    reader.end()
    return metadata
