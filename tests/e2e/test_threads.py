"""--threads: one room over all loops."""
# ctest: threads

import asyncio
import pathlib
import unittest

from support import SCALE, ServerCase, wait_until
from rawclient import CLOSE, TEXT, RawClient, close_body, frame, opened, request


def busy_threads(server, since=None):
    """Nanoseconds of processor time of each thread of the server, since those given."""
    times = {}
    for task in pathlib.Path(f"/proc/{server.pid}/task").iterdir():
        times[task.name] = int((task / "schedstat").read_text().split()[0])
    return {t: n - (since or {}).get(t, 0) for t, n in times.items()}


class Threads(ServerCase):
    async def test_a_broadcast_reaches_clients_on_all_threads(self):
        server = self.serve("--threads", "4")
        before = busy_threads(server)
        peers = await self.connect_many(server, 64)
        for n, ws in enumerate(peers):
            await ws.send(f"from {n}")
        wanted = sorted(f"from {n}" for n in range(64))
        for ws in peers:
            self.assertEqual(sorted(await self.recv_many(ws, 64)), wanted)
        worked = [n for n in busy_threads(server, before).values() if n > 0]
        self.assertGreaterEqual(len(worked), 4, "the clients are not spread over the threads")

    async def test_each_senders_order_is_kept_at_everybody(self):
        server = self.serve("--threads", "4")
        peers = await self.connect_many(server, 24)
        count = 100

        async def say(n):
            for i in range(count):
                await peers[n].send(f"{n} {i}")
        await asyncio.gather(*(say(n) for n in range(6)))
        for ws in peers:
            got = [m.split() for m in await self.recv_many(ws, 6 * count)]
            for n in range(6):
                self.assertEqual([int(i) for who, i in got if who == str(n)], list(range(count)))

    async def test_double_keeps_its_order_across_threads(self):
        server = self.serve("--threads", "4")
        peers = await self.connect_many(server, 16)
        for n in range(20):
            await peers[0].send(f"double {n}")
        wanted = [f"double {n} #{k}" for n in range(20) for k in (1, 2)]
        for ws in peers:
            self.assertEqual(await self.recv_many(ws, 40), wanted)

    async def test_large_and_compressed_messages_cross_threads_whole(self):
        server = self.serve("--threads", "4")
        packed = await self.connect_many(server, 8, compression="deflate")
        plain = await self.connect_many(server, 8)
        for message in ("words and words " * 20_000, bytes(range(256)) * 2000):
            await packed[0].send(message)
            for ws in (*packed, *plain):
                self.assertEqual(await self.recv(ws), message)

    async def test_coming_and_going_during_broadcasts(self):
        server = self.serve("--threads", "4", every="5ms")
        witness = await self.connect(server)
        rounds = 40 if SCALE == 1 else 15

        def churn(n):
            for i in range(rounds):
                with opened(server) as client:
                    client.send(frame(TEXT, b"double %d.%d" % (n, i)))
                    if i % 3 == 0:
                        client.reset()
                    elif i % 3 == 1:
                        client.send_frame(CLOSE, close_body(1000))
                        self.assertEqual(client.recv_close()[0], 1000)
        await asyncio.gather(*(asyncio.to_thread(churn, n) for n in range(6)))
        await witness.send("the end")
        got = []
        while (message := await self.recv(witness)) != "the end":
            got.append(message)
        periodic = [m for m in got if m.startswith("hello")]
        numbers = [int(m.rsplit(" ", 1)[1]) for m in periodic]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        place = {message: n for n, message in enumerate(got)}
        self.assertEqual(len(place), len(got))
        first = [m[:-3] for m in got if m.endswith(" #1")]
        self.assertEqual(sorted(first), sorted(m[:-3] for m in got if m.endswith(" #2")))
        for text in first:
            self.assertLess(place[text + " #1"], place[text + " #2"])
        said = {f"double {n}.{i}" for n in range(6) for i in range(rounds)}
        self.assertTrue(set(first) <= said)
        # Only whoever left by a reset may have taken its message along.
        self.assertTrue({m for m in said if int(m.split(".")[1]) % 3 == 1} <= set(first))
        wait_until(lambda: len(server.find_log(" disconnected")) == 6 * rounds, "all have left")

    async def test_max_connections_holds_over_all_threads(self):
        server = self.serve("--threads", "4", "--max-connections", "20")
        statuses = []
        for _ in range(40):
            client = RawClient(server)
            self.addCleanup(client.close)
            client.try_send(request())
            statuses.append(client.recv_response().status)
        self.assertEqual((statuses.count(101), statuses.count(503)), (20, 20))


if __name__ == "__main__":
    unittest.main()
