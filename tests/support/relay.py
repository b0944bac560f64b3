"""Ports of this machine that lead into a container: `relay.py FD:ADDRESS:PORT ...`, FD a listening socket.

The socket was opened on this machine, the connection is made where the relay runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def _serve(fd: str, address: str, port: str) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(address, int(port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    server = await asyncio.start_server(connected, sock=socket.socket(fileno=int(fd)))
    await server.serve_forever()


async def main(routes: list[str]) -> None:
    await asyncio.gather(*(_serve(*route.split(":")) for route in routes))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
