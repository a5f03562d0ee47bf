"""Primitives of docs/protocol.md: varints, texts, names, metadata, and a reader over whole units."""

from __future__ import annotations

import unicodedata
from enum import IntEnum

MAX_VALUE = 2**53 - 1
MAX_TEXT_BYTES = 1024
MAX_NAME_BYTES = 128

Metadata = list[tuple[str, str | bytes]]


class Status(IntEnum):
    """Statuses of calls and streams ("Statuses")."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Disposition(IntEnum):
    """Whether the handler may have run ("Failure fields")."""

    NOT_PROCESSED = 0
    PERHAPS_PROCESSED = 1
    PROCESSED = 2


class ConnectionCode(IntEnum):
    """Codes of CONNECTION_CLOSE and GOAWAY."""

    NO_ERROR = 0x00
    PROTOCOL_VIOLATION = 0x01
    LIMIT_EXCEEDED = 0x02
    INTERNAL_ERROR = 0x03
    GOING_AWAY = 0x04
    REFUSED = 0x05
    TOO_SLOW = 0x06


class StreamCode(IntEnum):
    """Codes of RESET_STREAM and STOP_SENDING."""

    CANCELLED = 0x20
    UNKNOWN_KIND = 0x21
    REFUSED = 0x22
    LIMIT_EXCEEDED = 0x23
    TIMED_OUT = 0x24
    EXPIRED = 0x25
    INTERNAL_ERROR = 0x26
    SESSION_CLOSED = 0x27


class Violation(Exception):
    """The other end broke docs/protocol.md; `code` closes the connection."""

    def __init__(self, message: str, code: ConnectionCode = ConnectionCode.PROTOCOL_VIOLATION) -> None:
        super().__init__(message)
        self.code = code


class Refusal(Exception):
    """A unit that makes no sense or crosses a limit: what it belongs to ends with `status`."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


def varint(value: int) -> bytes:
    """RFC 9000 §16, the shortest form."""
    for prefix, size in ((0, 1), (1, 2), (2, 4), (3, 8)):
        if value < 1 << (8 * size - 2):
            return (value | prefix << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(f"{value} is no varint")


def blob(content: bytes) -> bytes:
    """A length and so many bytes."""
    return varint(len(content)) + content


def text(value: str) -> bytes:
    """A blob of UTF-8 for people, cut between characters."""
    encoded = value.encode()
    if len(encoded) > MAX_TEXT_BYTES:
        encoded = encoded[:MAX_TEXT_BYTES].decode(errors="ignore").encode()
    return blob(encoded)


def name(value: str) -> bytes:
    """A blob of a name."""
    return blob(value.encode())


def metadata_block(metadata: Metadata) -> bytes:
    """A blob of metadata entries."""
    entries = b""
    for key, value in metadata:
        is_bytes = isinstance(value, bytes)
        content = value if isinstance(value, bytes) else value.encode()
        entries += blob(key.encode("ascii")) + varint(2 * len(content) + is_bytes) + content
    return blob(entries)


def frame(kind: int, body: bytes) -> bytes:
    """`varint` type, `varint` length, body ("Frames")."""
    return varint(kind) + blob(body)


class Reader:
    """Reads the fields of one whole unit; what reaches past its end is a violation."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self._content) - self._at

    def exactly(self, size: int) -> bytes:
        if size > self.left:
            raise Violation("A field reaches past the end of its unit")
        self._at += size
        return self._content[self._at - size : self._at]

    def peek(self) -> int:
        """The next byte, which stays unread."""
        if self.left == 0:
            raise Violation("A field reaches past the end of its unit")
        return self._content[self._at]

    def unsigned(self, size: int) -> int:
        value = int.from_bytes(self.exactly(size), "big")
        if value > MAX_VALUE:
            raise Violation(f"{value} is above 2^53 - 1")
        return value

    def varint(self) -> int:
        size = 1 << (self.peek() >> 6)
        value = int.from_bytes(self.exactly(size), "big") & ((1 << (8 * size - 2)) - 1)
        if value > MAX_VALUE:
            raise Violation(f"{value} is above 2^53 - 1")
        return value

    def blob(self) -> bytes:
        return self.exactly(self.varint())

    def text(self) -> str:
        return self.blob()[:MAX_TEXT_BYTES].decode(errors="replace")

    def name(self) -> str:
        return decode_name(self.blob())

    def rest(self) -> bytes:
        return self.exactly(self.left)

    def end(self) -> None:
        if self.left > 0:
            raise Violation("Bytes after the last field")

    def metadata(self, max_bytes: int = 16_384, max_entries: int = 64) -> Metadata:
        content = self.blob()
        if len(content) > max_bytes:
            raise Refusal(Status.RESOURCE_EXHAUSTED, f"{len(content)} bytes of metadata")
        reader = Reader(content)
        entries: Metadata = []
        while reader.left > 0:
            if len(entries) == max_entries:
                raise Refusal(Status.RESOURCE_EXHAUSTED, f"More than {max_entries} metadata entries")
            key = reader.blob()
            if not 1 <= len(key) <= MAX_NAME_BYTES or not all(0x21 <= byte <= 0x7E for byte in key):
                raise Refusal(Status.INVALID_ARGUMENT, "A metadata name is none")
            tag = reader.varint()
            value = reader.exactly(tag >> 1)
            try:
                entries.append((key.decode("ascii"), value if tag & 1 else value.decode()))
            except UnicodeDecodeError:
                raise Refusal(Status.INVALID_ARGUMENT, "Metadata text is not UTF-8") from None
        return entries


def decode_name(content: bytes) -> str:
    """@raise Refusal: when it is no name ("Names")."""
    if len(content) > MAX_NAME_BYTES:
        raise Refusal(Status.RESOURCE_EXHAUSTED, f"Name of {len(content)} bytes")
    try:
        value = content.decode()
    except UnicodeDecodeError:
        raise Refusal(Status.INVALID_ARGUMENT, "A name is not UTF-8") from None
    if not value or any(unicodedata.category(character) == "Cc" for character in value):
        raise Refusal(Status.INVALID_ARGUMENT, "A name is empty or has control characters")
    return value
