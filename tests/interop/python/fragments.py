"""Media datagrams of docs/protocol.md: frames cut into fragments, put together again, and parity."""

from __future__ import annotations

import struct
from functools import reduce

from wire import Reader, Violation, varint

# So much of a frame's payload goes into a datagram, so that it fits a packet of 1,200 bytes.
FRAGMENT_BYTES = 1_000
MEDIA_HEAD_BYTES = 13
MAX_FRAGMENTS = 1_024


def cut(head: bytes, content: bytes) -> list[bytes]:
    """What parity protects of each fragment: everything behind `packet`. `head` stands before the frame's payload."""
    parts = [content[at : at + FRAGMENT_BYTES] for at in range(0, len(content), FRAGMENT_BYTES)] or [b""]
    return [varint(index) + varint(len(parts)) + head + part for index, part in enumerate(parts)]


def parity(group: list[bytes]) -> bytes:
    """The fields of MEDIA_PARITY behind the first packet number."""
    longest = max(map(len, group))
    content = reduce(_xor, (protected.ljust(longest, b"\0") for protected in group))
    return struct.pack(">BH", len(group), reduce(lambda one, other: one ^ other, map(len, group))) + content


class Fragments:
    """What has arrived of the frames of one stream; `insert` and `recover` return the frames that are complete then."""

    def __init__(self) -> None:
        self._protected: dict[int, bytes] = {}
        self._parities: dict[int, tuple[int, int, bytes]] = {}
        self._parts: dict[int, dict[int, bytes]] = {}
        self._complete: set[int] = set()

    def insert(self, packet: int, protected: bytes) -> list[bytes]:
        if packet in self._protected:
            return []
        self._protected[packet] = protected
        completed = self._assemble(protected)
        for first in [first for first, (count, _, _) in self._parities.items() if first <= packet < first + count]:
            completed += self._recover(first)
        return completed

    def recover(self, first: int, count: int, lengths: int, content: bytes) -> list[bytes]:
        self._parities[first] = (count, lengths, content)
        return self._recover(first)

    def _recover(self, first: int) -> list[bytes]:
        count, lengths, content = self._parities[first]
        missing = [packet for packet in range(first, first + count) if packet not in self._protected]
        if len(missing) != 1:
            return []
        for packet in range(first, first + count):
            if packet != missing[0]:
                protected = self._protected[packet]
                lengths ^= len(protected)
                content = _xor(content, protected.ljust(len(content), b"\0"))
        if lengths > len(content):
            return []
        self._protected[missing[0]] = content[:lengths]
        return self._assemble(content[:lengths])

    def _assemble(self, protected: bytes) -> list[bytes]:
        reader = Reader(protected)
        index, count = reader.varint(), reader.varint()
        head = reader.exactly(MEDIA_HEAD_BYTES)
        if not 1 <= count <= MAX_FRAGMENTS or index >= count:
            raise Violation("A fragment out of range")
        sequence = struct.unpack(">I", head[1:5])[0]
        if sequence in self._complete:
            return []
        parts = self._parts.setdefault(sequence, {})
        parts[index] = reader.rest()
        if len(parts) < count:
            return []
        del self._parts[sequence]
        self._complete.add(sequence)
        return [head + b"".join(parts[at] for at in range(count))]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
