"""What arrives on one QUIC stream, read field by field."""

from __future__ import annotations

import asyncio

from wire import MAX_VALUE, Reader, Violation


class StreamReset(Exception):
    """The sender abandoned the stream, or the connection ended."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Stream reset with {code:#x}")
        self.code = code


class StreamEnded(Exception):
    """The stream ended inside what was to be read."""


class ByteStream:
    """Fed by the connection, read by one task."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ended = False
        self._reset: int | None = None
        self._arrived = asyncio.Event()

    def feed(self, data: bytes, ended: bool) -> None:
        self._buffer += data
        self._ended = self._ended or ended
        self._arrived.set()

    def reset(self, code: int) -> None:
        if not self._ended and self._reset is None:
            self._reset = code
            self._arrived.set()

    async def exactly(self, size: int) -> bytes:
        """@raise StreamEnded, StreamReset: when that many do not come."""
        while len(self._buffer) < size:
            await self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def skip(self, size: int) -> None:
        while size > 0:
            if not self._buffer:
                await self._more()
            step = min(size, len(self._buffer))
            del self._buffer[:step]
            size -= step

    async def at_end(self) -> bool:
        """Whether nothing more comes; waits until that is known."""
        while not self._buffer:
            if self._ended:
                return True
            await self._more()
        return False

    async def varint(self) -> int:
        first = await self.exactly(1)
        size = 1 << (first[0] >> 6)
        value = Reader(first + await self.exactly(size - 1)).varint()
        if value > MAX_VALUE:
            raise Violation(f"{value} is above 2^53 - 1")
        return value

    async def _more(self) -> None:
        if self._reset is not None:
            raise StreamReset(self._reset)
        if self._ended:
            raise StreamEnded
        self._arrived.clear()
        await self._arrived.wait()
