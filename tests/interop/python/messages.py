"""Messages, call fields and failure fields of docs/protocol.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

import payload
from wire import Disposition, Metadata, Reader, Refusal, Status, Violation, metadata_block, name, text, varint


class MessageType(IntEnum):
    REQUEST = 0x01
    ANSWER = 0x02
    FAILURE = 0x03
    CANCEL = 0x04
    STREAM_STATUS = 0x05
    EVENT_UNHEARD = 0x06
    STREAM_REPORT = 0x07


class Flag(IntFlag):
    METADATA = 0x01
    TIMEOUT = 0x02
    TRACE = 0x04
    IDEMPOTENT = 0x08
    METHOD_ID = 0x10
    ERROR_NAME = 0x20
    ERROR_DATA = 0x40


_CALL_FLAGS = Flag.METADATA | Flag.TIMEOUT | Flag.TRACE | Flag.IDEMPOTENT | Flag.METHOD_ID
_FAILURE_FLAGS = Flag.METADATA | Flag.ERROR_NAME | Flag.ERROR_DATA


class CallError(Exception):
    """How a call ended when it did not end well."""

    def __init__(
        self,
        status: Status,
        message: str,
        disposition: Disposition = Disposition.PROCESSED,
        error_name: str | None = None,
        data: Any = None,
        metadata: Metadata | None = None,
    ) -> None:
        super().__init__(f"{status.name}: {message}")
        self.status = status
        self.message = message
        self.disposition = disposition
        self.error_name = error_name
        self.data = data
        self.metadata = metadata or []


@dataclass
class CallFields:
    """What REQUEST and a caller's HEADERS say of a call. `method` is a number where it is an id out of SETTINGS."""

    method: str | int
    timeout_ms: int = 0
    trace: bytes | None = None
    metadata: Metadata = field(default_factory=list)
    idempotent: bool = False

    @property
    def flags(self) -> int:
        return (
            (Flag.METHOD_ID if isinstance(self.method, int) else 0)
            | (Flag.TIMEOUT if self.timeout_ms else 0)
            | (Flag.TRACE if self.trace else 0)
            | (Flag.METADATA if self.metadata else 0)
            | (Flag.IDEMPOTENT if self.idempotent else 0)
        )

    def encode(self) -> bytes:
        content = varint(self.method) if isinstance(self.method, int) else name(self.method)
        if self.timeout_ms:
            content += varint(self.timeout_ms)
        content += self.trace or b""
        return content + (metadata_block(self.metadata) if self.metadata else b"")


def read_flags(reader: Reader, known: int) -> int:
    flags = reader.unsigned(1)
    if flags & ~known:
        raise Violation(f"Unknown flags {flags:#x}")
    return flags


def read_call_fields(reader: Reader, flags: int) -> CallFields:
    """@raise Refusal: when the call is to be refused because of them."""
    fields = CallFields(method="", idempotent=bool(flags & Flag.IDEMPOTENT))
    fields.method = reader.varint() if flags & Flag.METHOD_ID else reader.name()
    if flags & Flag.TIMEOUT:
        fields.timeout_ms = reader.varint()
    if flags & Flag.TRACE:
        fields.trace = reader.exactly(25)
    if flags & Flag.METADATA:
        fields.metadata = reader.metadata()
    return fields


def call_flags(reader: Reader) -> int:
    return read_flags(reader, _CALL_FLAGS)


def failure_fields(error: CallError) -> tuple[int, bytes]:
    """Flags and fields of a failure."""
    flags = 0
    content = bytes([error.status, error.disposition]) + text(error.message)
    if error.error_name is not None:
        flags |= Flag.ERROR_NAME
        content += text(error.error_name)
    if error.metadata:
        flags |= Flag.METADATA
        content += metadata_block(error.metadata)
    if error.data is not None:
        flags |= Flag.ERROR_DATA
        encoding, data = payload.encode(error.data)
        content += varint(encoding) + data
    return flags, content


def read_failure(reader: Reader, flags: int) -> CallError:
    if flags & ~_FAILURE_FLAGS:
        raise Violation(f"Unknown flags {flags:#x}")
    status, disposition = reader.unsigned(1), reader.unsigned(1)
    if not 1 <= status <= 16 or disposition > 2:
        raise Violation(f"Status {status} or disposition {disposition} is none")
    error = CallError(Status(status), reader.text(), Disposition(disposition))
    if flags & Flag.ERROR_NAME:
        error.error_name = reader.text()
    if flags & Flag.METADATA:
        try:
            error.metadata = reader.metadata()
        except Refusal:
            pass  # The failure counts.
    if flags & Flag.ERROR_DATA:
        try:
            error.data = payload.decode(reader.varint(), reader.rest())
        except Refusal:
            error.error_name = error.data = None
    reader.end()
    return error


def request(call_id: int, fields: CallFields, value: Any) -> bytes:
    encoding, content = payload.encode(value)
    head = varint(MessageType.REQUEST) + bytes([fields.flags]) + varint(call_id)
    return head + fields.encode() + varint(encoding) + content


def answer(call_id: int, value: Any, metadata: Metadata) -> bytes:
    encoding, content = payload.encode(value)
    head = varint(MessageType.ANSWER) + bytes([Flag.METADATA if metadata else 0]) + varint(call_id)
    return head + (metadata_block(metadata) if metadata else b"") + varint(encoding) + content


def failure(call_id: int, error: CallError) -> bytes:
    flags, content = failure_fields(error)
    return varint(MessageType.FAILURE) + bytes([flags]) + varint(call_id) + content


def cancel(call_id: int) -> bytes:
    return varint(MessageType.CANCEL) + varint(call_id)


def stream_status(media_id: int, status: Status, frames: int, message: str = "") -> bytes:
    return varint(MessageType.STREAM_STATUS) + varint(media_id) + bytes([status]) + varint(frames) + text(message)


def event_unheard(sequence: int, count: int, event: str) -> bytes:
    return varint(MessageType.EVENT_UNHEARD) + varint(sequence) + varint(count) + name(event)
