"""The interop service, as tests/interop/service.ts describes it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from typing import Any

from media import Delivery, IncomingMedia
from messages import CallError
from service import Call, Service
from session import Session
from wire import ConnectionCode, Status

TICK_S = 0.02


def pattern(size: int) -> bytes:
    """Bytes that both ends can make."""
    return bytes((at * 31 + (at >> 8)) & 0xFF for at in range(min(size, 1 << 16))) * (size // (1 << 16) + 1)


def digest_of(frames: list[tuple[int, bytes]]) -> dict[str, Any]:
    """What a receiver of media tells about it."""
    hashed = hashlib.sha256()
    for _sequence, content in sorted(frames):
        hashed.update(content)
    size = sum(len(content) for _sequence, content in frames)
    return {"frames": len(frames), "bytes": size, "digest": hashed.hexdigest()}


async def send_media(session: Session, stream_name: str, request: dict[str, Any]) -> tuple[Status, int, str]:
    """Send a media stream as `play` asks for it; returns the receiver's last word."""
    delivery = Delivery[request["delivery"].upper()]
    sending = session.media.open(stream_name, delivery, parity_group=request.get("parityEvery", 0))
    for number in range(request["frames"]):
        sending.send(pattern(request["bytes"] + number)[number : request["bytes"] + number], number * 20_000)
        await asyncio.sleep(0.001)
    return await sending.end()


def interop_service() -> Service:
    """The service; how many handlers of a session were ended before their time is counted."""
    service = Service()
    ended: defaultdict[Session, Counter[str]] = defaultdict(Counter)

    @service.method("echo")
    @service.method("mirror")
    async def echo(_call: Call, value: Any) -> Any:
        return value

    @service.method("add")
    async def add(_call: Call, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("a"), int) or not isinstance(value.get("b"), int):
            raise CallError(Status.INVALID_ARGUMENT, "a and b are to be integers")
        return value["a"] + value["b"]

    @service.method("fail")
    async def fail(_call: Call, value: dict[str, Any]) -> Any:
        raise CallError(
            Status.RESOURCE_EXHAUSTED, "Nothing left", error_name="outOfStock", data={"left": value["left"]}
        )

    @service.method("metadata")
    async def metadata(call: Call, _value: Any) -> Any:
        call.answer_metadata = call.fields.metadata
        return [[key, value] for key, value in call.fields.metadata]

    @service.method("timeLeft")
    async def time_left(call: Call, _value: Any) -> Any:
        return None if call.left_ms is None else int(call.left_ms)

    @service.method("wait")
    async def wait(call: Call, _value: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended[call.session]["wait"] += 1

    @service.method("ended")
    async def how_many_ended(call: Call, name: str) -> Any:
        return ended[call.session][name]

    @service.method("after")
    async def after(_call: Call, milliseconds: int) -> Any:
        await asyncio.sleep(milliseconds / 1000)
        return milliseconds

    @service.method("count", many_answers=True)
    async def count(_call: Call, size: int) -> AsyncIterator[int]:
        for number in range(size):
            yield number

    @service.method("ticks", many_answers=True)
    async def ticks(call: Call, _value: Any) -> AsyncIterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
                await asyncio.sleep(TICK_S)
        finally:
            ended[call.session]["ticks"] += 1

    @service.method("sum", many_requests=True)
    async def total(_call: Call, items: AsyncIterator[int]) -> int:
        return sum([item async for item in items])

    @service.method("double", many_requests=True, many_answers=True)
    async def double(_call: Call, items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            yield item * 2

    @service.method("failMidway", many_answers=True)
    async def fail_midway(_call: Call, size: int) -> AsyncIterator[int]:
        for number in range(size):
            yield number
        raise CallError(Status.ABORTED, "Enough")

    @service.method("download", many_answers=True)
    async def download(_call: Call, request: dict[str, Any]) -> AsyncIterator[bytes]:
        for _number in range(request["items"]):
            yield pattern(request["bytes"])[: request["bytes"]]
            await asyncio.sleep(0)

    @service.method("upload", many_requests=True)
    async def upload(_call: Call, items: AsyncIterator[bytes]) -> Any:
        return digest_of([(number, item) for number, item in enumerate([item async for item in items])])

    @service.method("ask")
    async def ask(call: Call, value: Any) -> Any:
        return await call.session.calls.request("answer", value)

    @service.method("play")
    async def play(call: Call, request: dict[str, Any]) -> Any:
        status, frames, message = await send_media(call.session, "speaker", request)
        if status is not Status.OK:
            raise CallError(status, message)
        return frames

    @service.method("drain")
    async def drain(call: Call, grace_ms: int) -> Any:
        draining = call.session.drain(grace_ms, ConnectionCode.GOING_AWAY, "Drained")
        asyncio.get_event_loop().call_soon(lambda: call.session.spawn(draining))
        return None

    @service.method("updateKeys")
    async def update_keys(call: Call, _value: Any) -> Any:
        """Of no other server: our next packet is the first with new keys."""
        call.session.connection.request_key_update()
        return None

    @service.listener("note")
    def note(session: Session, value: Any) -> None:
        session.spawn(session.events.emit("noted", value))

    @service.listener("blip")
    def blip(session: Session, value: Any) -> None:
        session.events.emit_volatile("blipped", value)

    @service.stream("mic")
    async def mic(session: Session, incoming: IncomingMedia) -> None:
        frames = [(frame.sequence, frame.payload) async for frame in incoming]
        await session.events.emit("heard", digest_of(frames))

    return add_system_methods(service)


def add_system_methods(service: Service) -> Service:
    """What every server answers ("System methods")."""

    @service.method("$sys.ping")
    async def ping(_call: Call, value: Any) -> Any:
        return value

    @service.method("$sys.health")
    async def health(_call: Call, _value: Any) -> Any:
        return {"status": "serving"}

    return service
