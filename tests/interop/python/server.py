"""The interop service: prints its port, then a line for each connection that ended; ends with its standard input."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from functools import partial
from typing import Any

from aioquic.asyncio.server import serve
from aioquic.tls import CipherSuite, SessionTicket

from connection import Connection, configuration
from interop_service import interop_service


async def main(options: argparse.Namespace) -> None:
    more = json.loads(options.options)
    settings = configuration(is_client=False)
    if more.get("cipher") == "chacha20":
        settings.cipher_suites = [CipherSuite.CHACHA20_POLY1305_SHA256]
    settings.load_cert_chain(options.cert, options.key)
    service = interop_service()

    def create(*arguments: Any, **more: Any) -> Connection:
        connection = Connection(*arguments, service=service, **more)
        connection.session.closed.add_done_callback(partial(report, connection))
        return connection

    tickets: dict[bytes, SessionTicket] = {}
    server = await serve(
        options.host,
        0,
        configuration=settings,
        create_protocol=create,
        retry=more.get("retry", False),
        session_ticket_fetcher=lambda label: tickets.pop(label, None),
        session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}),
    )
    print(server._transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def report(connection: Connection, _closed: Any) -> None:
    """What a test may want to know of a connection that is over."""
    ended = connection.ended
    assert ended is not None
    print(json.dumps({"closed": ended.error_code, "reason": ended.reason_phrase}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--options", default="{}")
    asyncio.run(main(parser.parse_args()))
