"""Payload encodings RAW and CBOR of docs/protocol.md; how CBOR's items become Python values is our own choice."""

from __future__ import annotations

import array
from typing import Any

import cbor2

from wire import Refusal, Status

RAW = 0
CBOR = 1

_TYPED_ARRAYS = {
    68: "B", 72: "b", 69: "H", 77: "h", 70: "I", 78: "i", 71: "Q", 79: "q", 85: "f", 86: "d",
}  # fmt: skip


def encode(value: Any) -> tuple[int, bytes]:
    """Encoding and payload of a value; bytes travel as they are."""
    if isinstance(value, (bytes, bytearray)):
        return RAW, bytes(value)
    return CBOR, cbor2.dumps(_with_tags(value), datetime_as_timestamp=True)


def decode(encoding: int, payload: bytes) -> Any:
    """@raise Refusal: when the encoding is unknown or the payload none."""
    if encoding == RAW:
        return payload
    if encoding != CBOR:
        raise Refusal(Status.UNIMPLEMENTED, f"Encoding {encoding} is unknown")
    try:
        return _with_integers(cbor2.loads(payload, tag_hook=_decode_tag))
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise Refusal(Status.INVALID_ARGUMENT, f"Not CBOR: {error}") from error


def _with_tags(value: Any) -> Any:
    """cbor2 takes typed arrays for lists; they travel with the tag of their type."""
    if isinstance(value, array.array):
        tag = next(tag for tag, code in _TYPED_ARRAYS.items() if code == value.typecode)
        return cbor2.CBORTag(tag, value.tobytes())
    if isinstance(value, list):
        return [_with_tags(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_tags(item) for key, item in value.items()}
    return value


def _decode_tag(tag: cbor2.CBORTag, _immutable: bool) -> Any:
    code = _TYPED_ARRAYS.get(tag.tag)
    if code is None:
        raise ValueError(f"tag {tag.tag}")
    return array.array(code, tag.value)


def _with_integers(value: Any) -> Any:
    """An integer may arrive as a float and must be read as the integer."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_with_integers(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_integers(item) for key, item in value.items()}
    return value
