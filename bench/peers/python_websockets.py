"""python_websockets.py echo|fanout - a small server on Python websockets, to compare with."""

import asyncio
import signal
import sys

import websockets

CONNECTIONS = set()


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def fanout(connection):
    CONNECTIONS.add(connection)
    try:
        async for message in connection:
            websockets.broadcast(CONNECTIONS, message)
    finally:
        CONNECTIONS.discard(connection)


async def quietly(handler, connection):
    """The driver leaves with a reset."""
    try:
        await handler(connection)
    except websockets.ConnectionClosed:
        pass


async def main(handler):
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with websockets.serve(
        lambda connection: quietly(handler, connection),
        "127.0.0.1",
        0,
        compression=None,
        ping_interval=None,
        backlog=4096,
    ) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening on ws://localhost:{port}", flush=True)
        await stop


if sys.argv[1:] == ["echo"]:
    asyncio.run(main(echo))
elif sys.argv[1:] == ["fanout"]:
    asyncio.run(main(fanout))
else:
    sys.exit("usage: python_websockets.py echo|fanout")
