"""One QUIC connection of aioquic: its streams and datagrams, handed to a session that knows what they mean."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from byte_stream import ByteStream
from service import Service
from session import Session
from wire import StreamCode

ALPN = "echostream/1"
WINDOW_BYTES = 16 << 20
# A handshake that loses a third of its packets may wait for probes whose timer has doubled many times.
PATIENCE_S = 800.0


class Connection(QuicConnectionProtocol):
    """Made by aioquic, one for each connection; `session` is there from the handshake on."""

    def __init__(self, quic: QuicConnection, service: Service, **options: Any) -> None:
        super().__init__(quic, **options)
        self.session = Session(self, service)
        self.handshake: events.HandshakeCompleted | None = None
        self.ended: events.ConnectionTerminated | None = None
        self.received_bytes = 0
        self._incoming: dict[int, ByteStream] = {}
        self._stopped: dict[int, int] = {}
        self._finished: set[int] = set()

    @property
    def is_client(self) -> bool:
        return self._quic.configuration.is_client

    def open(self, bidirectional: bool, data: bytes, end: bool = False) -> int:
        """Open a stream with its first bytes; one the other end gives no credit for waits in aioquic."""
        stream_id = self._quic.get_next_available_stream_id(is_unidirectional=not bidirectional)
        if bidirectional:
            self._incoming[stream_id] = ByteStream()
        self.send(stream_id, data, end)
        return stream_id

    def incoming(self, stream_id: int) -> ByteStream:
        """What arrives on a bidirectional stream of ours."""
        return self._incoming[stream_id]

    def send(self, stream_id: int, data: bytes, end: bool = False) -> None:
        """Nothing is sent on a stream that was reset or stopped."""
        if stream_id in self._stopped or stream_id in self._finished or self.ended is not None:
            return
        if end:
            self._finished.add(stream_id)
        self._quic.send_stream_data(stream_id, data, end_stream=end)
        self._transmit_soon()

    def stopped(self, stream_id: int) -> int | None:
        """The code the other end stopped this stream with."""
        return self._stopped.get(stream_id)

    def reset(self, stream_id: int, code: int) -> None:
        """Abandon our half, unless it has ended."""
        if stream_id in self._stopped or stream_id in self._finished or self.ended is not None:
            return
        self._finished.add(stream_id)
        self._quic.reset_stream(stream_id, code)
        self._transmit_soon()

    def stop(self, stream_id: int, code: int) -> None:
        """Tell the other end that its half is not wanted, unless it has ended."""
        if self.ended is not None:
            return
        try:
            self._quic.stop_stream(stream_id, code)
        except ValueError:
            return  # It has ended, and aioquic has forgotten it.
        self._transmit_soon()

    def send_datagram(self, data: bytes) -> None:
        if self.ended is None:
            self._quic.send_datagram_frame(data)
            self._transmit_soon()

    def close_with(self, code: int, reason: str = "") -> None:
        """CONNECTION_CLOSE of type 0x1d."""
        self._quic.close(error_code=code, reason_phrase=reason)
        self.transmit()

    @property
    def sent_packets(self) -> int:
        return self._quic._packet_number

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        self.received_bytes += len(data)
        super().datagram_received(data, addr)

    async def move(self) -> None:
        """Go on from another socket, with another connection id; nothing is asked on the new path before it is used."""
        before = self._transport
        fresh = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        fresh.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        fresh.bind(("::", 0, 0, 0))
        # It tells the protocol of its transport, in place of the one before.
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=fresh)
        before.close()
        self.change_connection_id()

    def quic_event_received(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.HandshakeCompleted):
            self.handshake = event
            if not self.session.has_begun:
                self.session.begin()
        elif isinstance(event, events.StreamDataReceived):
            stream = self._incoming.get(event.stream_id) or self._accept(event.stream_id)
            stream.feed(event.data, event.end_stream)
        elif isinstance(event, events.StreamReset):
            stream = self._incoming.get(event.stream_id) or self._accept(event.stream_id)
            stream.reset(event.error_code)
        elif isinstance(event, events.StopSendingReceived):
            self._stopped[event.stream_id] = event.error_code
            self.session.on_stopped(event.stream_id, event.error_code)
        elif isinstance(event, events.DatagramFrameReceived):
            self.session.on_datagram(event.data)
        elif isinstance(event, events.ConnectionTerminated):
            self.ended = event
            for stream in self._incoming.values():
                stream.reset(StreamCode.SESSION_CLOSED)
            self.session.on_closed(event.error_code, event.reason_phrase)

    def _accept(self, stream_id: int) -> ByteStream:
        stream = self._incoming[stream_id] = ByteStream()
        self.session.on_stream(stream_id, stream, is_bidirectional=stream_id & 2 == 0)
        return stream


def configuration(is_client: bool, **more: Any) -> QuicConfiguration:
    """What docs/protocol.md asks of QUIC, and windows that hold a whole message."""
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=[ALPN],
        max_datagram_frame_size=65_536,
        max_data=WINDOW_BYTES,
        max_stream_data=WINDOW_BYTES,
        idle_timeout=PATIENCE_S,
        **more,
    )


async def within(seconds: float, awaitable: Any) -> Any:
    """What it comes to; an error when it does not in time."""
    return await asyncio.wait_for(awaitable, seconds)
