"""The fourth mode: a response without a request, on a clock of the server's own."""
# ctest: threads

import unittest

from support import SCALE, ServerCase
from rawclient import frame, opened

EVERY = f"{200 * SCALE}ms"
PERIOD = 0.2 * SCALE
SENT = r"periodic message sent (\d+) times$"


class Periodic(ServerCase):
    async def test_the_count_begins_at_0_and_goes_up_by_one(self):
        server = self.serve(every=EVERY)
        ws = await self.connect(server)
        self.assertEqual(await self.recv_many(ws, 4), [f"hello world {n}" for n in range(4)])

    async def test_it_is_logged_with_the_number_that_was_sent(self):
        server = self.serve(every=EVERY)
        ws = await self.connect(server)
        self.assertEqual(await self.recv(ws), "hello world 0")
        self.assertEqual(server.wait_for_log(SENT).group(1), "0")
        self.assertEqual(await self.recv(ws), "hello world 1")
        self.assertEqual(server.wait_for_log(SENT, count=2).group(1), "1")

    async def test_it_is_the_same_for_everybody(self):
        server = self.serve(every=EVERY)
        await self.same_for_everybody(server)

    async def test_it_is_the_same_for_everybody_across_threads(self):
        server = self.serve("--threads", "4", every=EVERY)
        await self.same_for_everybody(server)

    async def same_for_everybody(self, server):
        peers = await self.connect_many(server, 12)
        first = int((await self.recv(peers[0])).rsplit(" ", 1)[1])
        last = first + 3
        for ws in peers:
            # A peer may have met one or two before the first one had all its company.
            got = await self.recv(ws) if ws is not peers[0] else f"hello world {first}"
            start = int(got.rsplit(" ", 1)[1])
            self.assertLessEqual(start, first + 1)
            rest = await self.recv_many(ws, last - start)
            self.assertEqual(rest, [f"hello world {n}" for n in range(start + 1, last + 1)])

    async def test_it_is_not_counted_while_nobody_is_connected(self):
        server = self.serve(every=EVERY)
        alice = await self.connect(server)
        self.assertEqual(await self.recv_many(alice, 2), ["hello world 0", "hello world 1"])
        await alice.close()
        server.wait_for_log(" disconnected")
        silent = await self.connect(self.serve())  # measures time that passes without the first
        await self.assert_silent(silent, 4 * PERIOD)
        sent = [int(m.group(1)) for m in server.find_log(SENT)]
        self.assertIn(sent, ([0, 1], [0, 1, 2]))  # the third may have gone out during the close
        bob = await self.connect(server)
        self.assertEqual(await self.recv(bob), f"hello world {sent[-1] + 1}")

    async def test_it_is_not_sent_to_who_is_being_closed(self):
        server = self.serve(every=EVERY)
        with opened(server) as client:
            self.assertEqual(client.recv_data().payload, b"hello world 0")
            client.try_send(frame(3, b"x"))
            self.assertEqual(client.recv_close()[0], 1002)
            silent = await self.connect(self.serve())
            await self.assert_silent(silent, PERIOD)  # what was sent before is logged meanwhile
            sent = int(server.find_log(SENT)[-1].group(1))
            await self.assert_silent(silent, 4 * PERIOD)  # and the client does not leave
            self.assertEqual(int(server.find_log(SENT)[-1].group(1)), sent)
            bob = await self.connect(server)
            self.assertEqual(await self.recv(bob), f"hello world {sent + 1}")

    async def test_it_does_not_begin_before_somebody_is_connected(self):
        server = self.serve(every=EVERY)
        silent = await self.connect(self.serve())
        await self.assert_silent(silent, 3 * PERIOD)
        self.assertEqual(server.find_log(SENT), [])
        self.assertEqual(await self.recv(await self.connect(server)), "hello world 0")

    async def test_every_0_means_never(self):
        server = self.serve(every="0")
        ws = await self.connect(server)
        await self.assert_silent(ws, 1.0)
        self.assertEqual(server.find_log("periodic"), [])

    async def test_without_the_option_it_is_every_5_seconds(self):
        server = self.serve(every=None)
        ws = await self.connect(server)
        await self.assert_silent(ws, 3.0)
        self.assertEqual(await self.recv(ws), "hello world 0")

    async def test_a_conversation_goes_on_beside_it(self):
        server = self.serve(every="20ms")
        ws = await self.connect(server)
        for n in range(50):
            await ws.send(f"mine {n}")
        mine, periodic = [], []
        while len(mine) < 50 or len(periodic) < 10:
            got = await self.recv(ws)
            (mine if got.startswith("mine") else periodic).append(got)
        self.assertEqual(mine, [f"mine {n}" for n in range(50)])
        self.assertEqual(periodic, [f"hello world {n}" for n in range(len(periodic))])


if __name__ == "__main__":
    unittest.main()
