"""What a client of docs/protocol.md does with a server of the interop service, case by case."""

from __future__ import annotations

import array
import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from calls import MAX_EARLY_CANCELS
from connection import Connection
from interop_service import digest_of, pattern, send_media
from media import IncomingMedia
from messages import CallError
from messages import cancel as cancel_message
from service import Call, Service
from session import Session
from wire import ConnectionCode, Disposition, Status

if TYPE_CHECKING:
    from client import Server

Case = Callable[["Server"], Awaitable[None]]
CASES: dict[str, Case] = {}
LARGE_BYTES = 900_000


def case(function: Case) -> Case:
    """Names a case after its function."""
    CASES[function.__name__.removesuffix("_case").replace("_", "-")] = function
    return function


def equal(found: Any, expected: Any) -> None:
    """@raise AssertionError: naming both."""
    if found != expected:
        raise AssertionError(f"expected {str(expected)[:500]}, found {str(found)[:500]}")


async def failure_of(work: Awaitable[Any]) -> CallError:
    """How a call failed."""
    try:
        result = await work
    except CallError as error:
        return error
    raise AssertionError(f"expected a failure, found {str(result)[:500]}")


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it holds; the time limit of the case ends it otherwise."""
    while not await done():
        await asyncio.sleep(0.01)


@case
async def unary(server: Server) -> None:
    async with server.connect() as connection:
        request = connection.session.calls.request
        equal(await request("echo", b"hello"), b"hello")
        equal(await request("echo", b""), b"")
        equal(await request("add", {"a": 2, "b": 40}), 42)
        equal(await request("$sys.ping", b"ping"), b"ping")
        equal(await request("$sys.health"), {"status": "serving"})
        answers = await asyncio.gather(*(request("add", {"a": number, "b": 1}) for number in range(500)))
        equal(answers, [number + 1 for number in range(500)])


@case
async def unary_large(server: Server) -> None:
    async with server.connect() as connection:
        content = pattern(LARGE_BYTES)[:LARGE_BYTES]
        answers = await asyncio.gather(*(connection.session.calls.request("echo", content) for _ in range(3)))
        equal([answer == content for answer in answers], [True] * 3)


@case
async def values(server: Server) -> None:
    async with server.connect() as connection:
        for value in (
            None,
            True,
            0,
            -1,
            2**31,
            2**32,
            2**53 - 1,
            -(2**53 - 1),
            2**64,
            -(2**100),
            1.5,
            "",
            "héllo 😀",
            [1, [2, [3]], {}],
            {"a": {"b": [b"bytes", None]}, "ключ": False},
            array.array("d", [1.5, -2.5]),
            array.array("H", [1, 65_535]),
            [float("inf"), -0.5],
        ):
            equal(await connection.session.calls.request("mirror", value), value)


@case
async def failures(server: Server) -> None:
    async with server.connect() as connection:
        request = connection.session.calls.request
        error = await failure_of(request("fail", {"left": 3}))
        equal((error.status, error.message), (Status.RESOURCE_EXHAUSTED, "Nothing left"))
        equal((error.error_name, error.data), ("outOfStock", {"left": 3}))
        error = await failure_of(request("nobody", b""))
        equal((error.status, error.disposition), (Status.UNIMPLEMENTED, Disposition.NOT_PROCESSED))
        # A method whose answer is a sequence.
        equal((await failure_of(request("count", 3))).status, Status.UNIMPLEMENTED)
        equal((await failure_of(request("add", {"a": 1}))).status, Status.INVALID_ARGUMENT)
        equal(await request("echo", b"still there"), b"still there")


@case
async def metadata(server: Server) -> None:
    async with server.connect() as connection:
        entries: list[tuple[str, str | bytes]] = [("tenant", "a"), ("tenant", "ö"), ("bin", b"\x00\xff"), ("empty", "")]
        answer, echoed = await connection.session.calls.request_with_metadata("metadata", b"", metadata=entries)
        equal(answer, [[key, value] for key, value in entries])
        equal(echoed, entries)


@case
async def deadline(server: Server) -> None:
    async with server.connect() as connection:
        request = connection.session.calls.request
        left = await request("timeLeft", b"", timeout_ms=60_000)
        assert 0 < left <= 60_000, f"{left} ms left"
        equal(await request("timeLeft", b""), None)
        error = await failure_of(request("wait", b"", timeout_ms=50))
        equal(error.status, Status.DEADLINE_EXCEEDED)
        await until(lambda: _ended(connection, "wait", 1))


@case
async def cancel(server: Server) -> None:
    async with server.connect() as connection:
        calls = [asyncio.ensure_future(connection.session.calls.request("wait", b"")) for _ in range(5)]
        equal(await connection.session.calls.request("echo", b"x"), b"x")
        for call in calls:
            call.cancel()
        await until(lambda: _ended(connection, "wait", 5))
        # Cancelled in the same packet as it was made: whichever the server sees first, no answer comes.
        early = asyncio.ensure_future(connection.session.calls.request("echo", b"never"))
        await asyncio.sleep(0)
        early.cancel()
        equal(await connection.session.calls.request("echo", b"y"), b"y")


@case
async def server_stream(server: Server) -> None:
    async with server.connect() as connection:
        channels = connection.session.channels
        equal(await channels.open_with("count", 1_000).collect(), list(range(1_000)))
        equal(await channels.open_with("count", 0).collect(), [])
        # A method with one answer gives a sequence of one.
        equal(await channels.open_with("add", {"a": 1, "b": 2}).collect(), [3])
        failing = channels.open_with("failMidway", 3)
        equal([await anext(failing) for _ in range(3)], [0, 1, 2])
        error = await failure_of(anext(failing))
        equal((error.status, error.message), (Status.ABORTED, "Enough"))
        equal((await failure_of(anext(channels.open_with("nobody", 1)))).status, Status.UNIMPLEMENTED)


@case
async def client_stream(server: Server) -> None:
    async with server.connect() as connection:
        channel = connection.session.channels.open("sum")
        for number in range(1_000):
            channel.send(number)
        channel.end()
        equal(await channel.collect(), [499_500])
        upload = connection.session.channels.open("upload")
        items = [pattern(50_000)[:50_000] for _ in range(20)]
        for item in items:
            upload.send(item)
        upload.end()
        equal(await upload.collect(), [digest_of(list(enumerate(items)))])


@case
async def channel(server: Server) -> None:
    async with server.connect() as connection:
        doubling = connection.session.channels.open("double")
        for number in range(100):
            doubling.send(number)
            equal(await anext(doubling), number * 2)
        doubling.end()
        equal(await doubling.collect(), [])


@case
async def cancel_stream(server: Server) -> None:
    async with server.connect() as connection:
        ticking = connection.session.channels.open_with("ticks", b"")
        equal([await anext(ticking) for _ in range(3)], [0, 1, 2])
        ticking.cancel()
        await until(lambda: _ended(connection, "ticks", 1))
        abandoned = connection.session.channels.open("sum")
        abandoned.send(1)
        abandoned.cancel()
        equal(await connection.session.calls.request("echo", b"x"), b"x")


@case
async def event(server: Server) -> None:
    service, heard = Service(), []
    done = asyncio.Event()

    @service.listener("noted")
    def noted(_session: Session, value: Any) -> None:
        heard.append(value)
        if value == 999:
            done.set()

    async with server.connect(service) as connection:
        for number in range(1_000):
            await connection.session.events.emit("note", number)
        await done.wait()
        equal(heard, list(range(1_000)))
        await connection.session.events.emit("nobody", None)
        await connection.session.events.all_acknowledged()
        await until(lambda: _is_true(connection.session.events.unheard == [("nobody", 1)]))


@case
async def datagram(server: Server) -> None:
    service = Service()
    came = asyncio.Event()

    @service.listener("blipped")
    def blipped(_session: Session, value: Any) -> None:
        equal(value, {"x": 1})
        came.set()

    async with server.connect(service) as connection:
        # Each may be lost.
        while not came.is_set():
            connection.session.events.emit_volatile("blip", {"x": 1})
            await asyncio.sleep(0.01)
        t1, t2, t3, t4 = await connection.session.measure()
        assert t1 <= t4 and t2 <= t3 and t3 - t2 <= t4 - t1, f"{t1} {t2} {t3} {t4}"


async def _media(server: Server, **request: Any) -> None:
    service = Service()
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    played: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    @service.listener("heard")
    def on_heard(_session: Session, value: Any) -> None:
        heard.set_result(value)

    @service.stream("speaker")
    async def speaker(_session: Session, incoming: IncomingMedia) -> None:
        played.set_result([(frame.sequence, frame.payload) async for frame in incoming])

    frames = request["frames"]
    contents = [pattern(request["bytes"] + at)[at : request["bytes"] + at] for at in range(frames)]
    async with server.connect(service) as connection:
        status, taken, message = await send_media(connection.session, "mic", request)
        equal((status, taken, message), (Status.OK, frames, ""))
        equal(await heard, digest_of(list(enumerate(contents))))
        equal(await connection.session.calls.request("play", request), frames)
        equal(digest_of(await played), digest_of(list(enumerate(contents))))
        refused = connection.session.media.open("nobody", request["delivery"] == "datagram" and 2 or 0)
        status, taken, _message = await refused.end()
        equal((status, taken), (Status.UNIMPLEMENTED, 0))


@case
async def media_reliable(server: Server) -> None:
    await _media(server, delivery="reliable", frames=100, bytes=3_000)


@case
async def media_expiring(server: Server) -> None:
    await _media(server, delivery="expiring", frames=100, bytes=3_000)


@case
async def media_datagram(server: Server) -> None:
    await _media(server, delivery="datagram", frames=50, bytes=3_000)


@case
async def media_parity(server: Server) -> None:
    await _media(server, delivery="datagram", frames=50, bytes=3_000, parityEvery=4)


@case
async def callback(server: Server) -> None:
    service = Service()

    @service.method("answer")
    async def answer(_call: Call, value: Any) -> Any:
        return {"asked": value}

    async with server.connect(service) as connection:
        equal(await connection.session.calls.request("ask", [1, 2]), {"asked": [1, 2]})


@case
async def goaway(server: Server) -> None:
    """The server drains: what runs ends well, what is new is not processed, and it closes when all is over."""
    async with server.connect() as connection:
        session = connection.session
        running = asyncio.ensure_future(session.calls.request("after", 300))
        streaming = session.channels.open("double")
        streaming.send(1)
        equal(await anext(streaming), 2)
        await session.calls.request("drain", 60_000)
        while session.going_away is None:
            await asyncio.sleep(0.001)
        equal(session.going_away[0], ConnectionCode.GOING_AWAY)
        error = await failure_of(session.calls.request("echo", b"new"))
        equal((error.status, error.disposition), (Status.UNAVAILABLE, Disposition.NOT_PROCESSED))
        error = await failure_of(anext(session.channels.open_with("count", 1)))
        equal((error.status, error.disposition), (Status.UNAVAILABLE, Disposition.NOT_PROCESSED))
        equal(await running, 300)
        streaming.send(2)
        equal(await anext(streaming), 4)
        streaming.end()
        equal(await streaming.collect(), [])
        code, _reason = await session.closed
        equal(code, ConnectionCode.GOING_AWAY)


@case
async def client_drain(server: Server) -> None:
    """The client drains: its own call is answered before it closes."""
    async with server.connect() as connection:
        session = connection.session
        running = asyncio.ensure_future(session.calls.request("after", 200))
        await asyncio.sleep(0)
        await session.drain(60_000, ConnectionCode.NO_ERROR)
        equal(await running, 200)
        equal((await session.closed)[0], ConnectionCode.NO_ERROR)


@case
async def early_cancels(server: Server) -> None:
    """CANCELs of calls that never come, as many as a callee remembers, do no harm."""
    async with server.connect() as connection:
        session = connection.session
        for call_id in range(1_000_000, 1_000_000 + MAX_EARLY_CANCELS // 2):
            session.send_message(cancel_message(call_id))
        equal(await session.calls.request("echo", b"x"), b"x")


async def _ended(connection: Connection, name: str, count: int) -> bool:
    return await connection.session.calls.request("ended", name) >= count


async def _is_true(value: bool) -> bool:
    return value
