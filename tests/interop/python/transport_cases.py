"""The client's part in the transport cases; faults are made by a proxy in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aioquic.tls import Epoch, SessionTicket

from connection import Connection
from interop_service import digest_of, pattern
from protocol_cases import CASES as PROTOCOL_CASES
from protocol_cases import Case, equal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from client import Server

CASES: dict[str, Case] = {}
ITEM_BYTES = 50_000
SHORT_CALLS, IN_FLIGHT = 2_000, 64
# What every path carries.
PACKET_BYTES = 1_200


def case(function: Case) -> Case:
    """Names a case after its function."""
    CASES[function.__name__.replace("_", "-")] = function
    return function


@case
async def handshake(server: Server) -> None:
    async with server.connect() as connection:
        equal(await connection.session.calls.request("echo", b"hello"), b"hello")


@case
async def transfer(server: Server) -> None:
    """`options.bytes` there and back."""
    async with server.connect() as connection:
        await _transfer(connection, server.options["bytes"])


@case
async def migration(server: Server) -> None:
    """Moves to another socket once in each direction of a transfer."""
    half = server.options["bytes"] // 2
    async with server.connect() as connection:
        running = asyncio.create_task(_transfer(connection, server.options["bytes"]))
        for is_reached in (
            lambda: connection.sent_packets * PACKET_BYTES > half,
            lambda: connection.received_bytes > half,
        ):
            while not is_reached():
                if running.done():
                    await running
                    raise AssertionError("ended too soon")
                await asyncio.sleep(0.005)
            await connection.move()
        await running


@case
async def multiplexing(server: Server) -> None:
    """Two thousand small calls on streams of their own, more than any limit of streams."""
    async with server.connect() as connection:
        channels = connection.session.channels
        for _round in range(4):
            answers = await asyncio.gather(*(channels.open_with("echo", b"%d" % at).collect() for at in range(500)))
            equal(answers, [[b"%d" % at] for at in range(500)])


@case
async def key_update(server: Server) -> None:
    """Keys are updated by the client three times, with calls in between."""
    async with server.connect() as connection:
        request = connection.session.calls.request
        for generation in range(1, 4):
            connection.request_key_update()
            for number in range(20):
                equal(await request("echo", b"%d" % number), b"%d" % number)
            pair = connection._quic._cryptos[Epoch.ONE_RTT]
            equal((pair.send.key_phase, pair.recv.key_phase), (generation % 2, generation % 2))


@case
async def resumption(server: Server) -> None:
    """The second connection shows the ticket of the first."""
    tickets: asyncio.Queue[SessionTicket] = asyncio.Queue()
    async with server.connect(on_ticket=tickets.put_nowait) as connection:
        equal(connection.handshake is not None and connection.handshake.session_resumed, False)
        ticket = await tickets.get()
    async with server.connect(session_ticket=ticket) as connection:
        equal(connection.handshake is not None and connection.handshake.session_resumed, True)
        equal(await connection.session.calls.request("echo", b"again"), b"again")


@case
async def early_data(server: Server) -> None:
    """The second connection sends its SETTINGS and a call before the handshake is done."""
    tickets: asyncio.Queue[SessionTicket] = asyncio.Queue()
    async with server.connect(on_ticket=tickets.put_nowait):
        ticket = await tickets.get()
    async with server.connect(is_early=True, session_ticket=ticket) as connection:
        equal(await connection.session.calls.request("echo", b"early"), b"early")
        equal(connection.handshake is not None and connection.handshake.early_data_accepted, True)
        equal(await connection.session.calls.request("echo", b"late"), b"late")


@case
async def short_calls(server: Server) -> None:
    """Two thousand short calls, 64 at a time, every one answered."""
    async with server.connect() as connection:
        calls = connection.session.calls

        async def call(content: bytes) -> None:
            equal(await calls.request("echo", content), content)

        await _many(call)


@case
async def short_streams(server: Server) -> None:
    """The same as streaming calls, each on a stream of its own."""
    async with server.connect() as connection:
        channels = connection.session.channels

        async def call(content: bytes) -> None:
            equal(await channels.open_with("echo", content).collect(), [content])

        await _many(call)


async def _many(call: Callable[[bytes], Awaitable[None]]) -> None:
    numbers = iter(range(SHORT_CALLS))

    async def worker() -> None:
        for number in numbers:
            await call(b"%d" % number)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


async def _transfer(connection: Connection, size: int) -> None:
    items = [pattern(ITEM_BYTES)[:ITEM_BYTES]] * (size // ITEM_BYTES)
    upload = connection.session.channels.open("upload")
    for item in items:
        upload.send(item)
    upload.end()
    equal(await upload.collect(), [digest_of(list(enumerate(items)))])
    request = {"items": len(items), "bytes": ITEM_BYTES}
    downloaded = await connection.session.channels.open_with("download", request).collect()
    equal(digest_of(list(enumerate(downloaded))), digest_of(list(enumerate(items))))


assert not CASES.keys() & PROTOCOL_CASES.keys()
