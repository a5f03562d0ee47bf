"""Frames of docs/protocol.md: `varint` type, `varint` length, body."""

from __future__ import annotations

from enum import IntEnum

from byte_stream import ByteStream
from wire import Violation


class FrameType(IntEnum):
    HEADERS = 0x01
    MESSAGE = 0x02
    END = 0x03
    TRAILER = 0x04
    SETTINGS = 0x10
    GOAWAY = 0x11
    EVENT_ACK = 0x13
    RESUMED = 0x14
    EVENT = 0x20
    MEDIA = 0x30
    MEDIA_CLOCK = 0x31


class FrameTooLong(Exception):
    """A known frame is longer than its stream allows; nothing of its body was read."""


_KNOWN = frozenset(FrameType)


async def read_frame(stream: ByteStream, max_bytes: int) -> tuple[int, bytes]:
    """
    The next frame of a known type; others are stepped over, whatever their length.

    @raise StreamEnded, StreamReset: when none comes.
    """
    while True:
        kind = await stream.varint()
        size = await stream.varint()
        if kind not in _KNOWN:
            await stream.skip(size)
        elif size > max_bytes:
            raise FrameTooLong(f"Frame {kind:#x} of {size} bytes")
        else:
            return kind, await stream.exactly(size)


async def read_own_frame(stream: ByteStream, max_bytes: int, *own: FrameType) -> tuple[int, bytes]:
    """As read_frame; a known frame on a stream it does not belong to is a violation."""
    kind, body = await read_frame(stream, max_bytes)
    if kind not in own:
        raise Violation(f"Frame {kind:#x} does not belong here")
    return kind, body
