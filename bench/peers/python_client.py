"""python_client.py receive|send|echo URL - a small client on Python websockets, to compare with.

receive: each message is a line of standard output. send: the same for the first message; then each
line of standard input is a message. echo: sends "hi", prints one answer.
"""

import asyncio
import sys

import websockets


async def receive(connection):
    print(await connection.recv(), flush=True)
    async for message in connection:
        print(message)


async def send(connection):
    print(await connection.recv(), flush=True)
    try:
        for line in sys.stdin:
            await connection.send(line.rstrip("\n"))
    except websockets.ConnectionClosedOK:
        pass
    await connection.wait_closed()


async def echo(connection):
    await connection.send("hi")
    print(await connection.recv(), flush=True)


async def main(talk, url):
    async with websockets.connect(url, compression=None, ping_interval=None) as connection:
        await talk(connection)


talks = {"receive": receive, "send": send, "echo": echo}
if len(sys.argv) != 3 or sys.argv[1] not in talks:
    sys.exit("usage: python_client.py receive|send|echo URL")
asyncio.run(main(talks[sys.argv[1]], sys.argv[2]))
