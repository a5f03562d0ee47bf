"""
Runs one case against a server of the interop service: `client.py CASE PORT[,PORT...]`, once for each port, all at once.

Ends with 0 when all went well; otherwise the last lines of standard error say what did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.tls import CipherSuite, SessionTicketHandler

import protocol_cases
import transport_cases
from connection import Connection, configuration
from interop_service import add_system_methods
from service import Service

CASES = {**protocol_cases.CASES, **transport_cases.CASES}
CASE_TIMEOUT_S = 840.0


class Server:
    """How a case reaches the server."""

    def __init__(self, host: str, port: int, ca: str, options: dict[str, Any]) -> None:
        self.host = host
        self.port = port
        self.options = options
        self._ca = ca

    @asynccontextmanager
    async def connect(
        self,
        service: Service | None = None,
        on_ticket: SessionTicketHandler | None = None,
        is_early: bool = False,
        **settings: Any,
    ) -> AsyncIterator[Connection]:
        """
        A connection whose handshake is complete, unless it `is_early`; `on_ticket` gets what it can be resumed with.
        """
        more = dict(settings)
        if self.options.get("cipher") == "chacha20":
            more["cipher_suites"] = [CipherSuite.CHACHA20_POLY1305_SHA256]
        quic = configuration(is_client=True, verify_mode=ssl.CERT_REQUIRED, server_name="localhost", **more)
        quic.load_verify_locations(cafile=self._ca)
        create = partial(Connection, service=add_system_methods(service or Service()))
        async with connect(
            self.host,
            self.port,
            configuration=quic,
            create_protocol=create,
            session_ticket_handler=on_ticket,
            wait_connected=not is_early,
        ) as connection:
            assert isinstance(connection, Connection)
            if is_early:
                connection.session.begin()
            yield connection


async def main(arguments: argparse.Namespace) -> None:
    case = CASES[arguments.case]
    options = json.loads(arguments.options)
    servers = [Server(arguments.host, int(port), arguments.ca, options) for port in arguments.ports.split(",")]
    runs = (asyncio.wait_for(case(server), CASE_TIMEOUT_S) for server in servers)
    failures = [result for result in await asyncio.gather(*runs, return_exceptions=True) if result is not None]
    for failure in failures[1:]:
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
    if failures:
        raise failures[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("ports")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--options", default="{}")
    asyncio.run(main(parser.parse_args()))
