"""One member of fifty does not read: the others lose nothing, memory is bounded, the policy
applies, and no frame is ever torn."""
# ctest: threads
# ctest: serial

import asyncio
import re
import time
import unittest

from support import KIB, LIMIT, MIB, SCALE, ServerCase
from rawclient import CLOSE, Gone, opened, parse_frame

OTHERS = 50 if SCALE == 1 else 10
MESSAGES = 900 if SCALE == 1 else 700  # of 8 KiB: more than the kernel's buffers take


class SlowReader(ServerCase):
    memory = 3 * MIB  # for a thread; all that is said is more than twice as much

    async def flood(self, server, threads=1):
        """The others say a lot and lose nothing; returns them, and what was said."""
        peers = await self.connect_many(server, OTHERS)
        before = server.private_memory()
        said = [f"{n:08d}" + "x" * (8 * KIB - 8) for n in range(MESSAGES)]

        async def talk():
            for begin in range(0, MESSAGES, 20):
                for text in said[begin:begin + 20]:
                    await peers[0].send(text)
                for ws in peers:
                    for text in said[begin:begin + 20]:
                        if await ws.recv() != text:
                            self.fail("a message is lost or out of order")
        await asyncio.wait_for(talk(), 3 * LIMIT)
        if SCALE == 1:
            self.assertLess(server.private_memory() - before, threads * self.memory)
        return peers, said

    def read_on(self, client):
        """What the slow reader finds when it wakes: the whole frames, and what is left."""
        frames = []
        try:
            while True:
                frames.append(client.recv_frame(limit=LIMIT))
                if frames[-1].opcode == CLOSE:
                    break
        except Gone:
            pass
        return frames

    async def test_close_is_the_default_and_says_1008_too_slow(self):
        server = self.serve("--max-backlog", "64K")
        with opened(server, rcvbuf=4096) as slow:
            _, said = await self.flood(server)
            server_saw = rf"{slow.address} disconnected(?=.*\b1008\b)(?=.*too slow)"
            frames = await asyncio.to_thread(self.read_on, slow)
            self.assertEqual(frames[-1].opcode, CLOSE)
            self.assertEqual(frames[-1].payload, b"\x03\xf0too slow")
            texts = [f.payload.decode() for f in frames[:-1]]
            self.assertEqual(texts, said[:len(texts)])
            self.assertLess(len(texts), len(said))
            slow.close()
            await asyncio.to_thread(server.wait_for_log, server_saw)

    async def test_who_does_not_even_read_the_close_is_reset(self):
        server = self.serve("--max-backlog", "64K")
        with opened(server, rcvbuf=4096) as slow:
            await self.flood(server)
            began = time.monotonic()
            await asyncio.to_thread(server.wait_for_log, rf"{slow.address} disconnected",
                                    7 * SCALE)
            self.assertLess(time.monotonic() - began, 6 * SCALE)
            data, _ = slow.recv_until_gone()
            self.assertGreater(len(data), 0)

    async def test_drop_leaves_out_whole_messages_and_counts_them(self):
        server = self.serve("--max-backlog", "64K", "--slow", "drop")
        with opened(server, rcvbuf=4096) as slow:
            peers, said = await self.flood(server)
            got = await asyncio.to_thread(self.read_until_quiet, slow)
            self.assertTrue(set(got) <= set(said))
            self.assertEqual(got, sorted(got))
            self.assertEqual(got[0], said[0])
            self.assertLess(len(got), len(said))
            await peers[0].send("now it reads")
            last = await asyncio.to_thread(self.read_text, slow)
            self.assertEqual(last, "now it reads")
            for ws in peers:
                self.assertEqual(await self.recv(ws), "now it reads")
            slow.close()
            await asyncio.to_thread(server.wait_for_log, rf"{slow.address} disconnected")
            dropped = sum(int(m.group(1)) for line in server.lines() if slow.address in line
                          and (m := re.search(r"(\d+) messages? dropped|dropped (\d+)", line)))
            self.assertEqual(dropped, len(said) - len(got))

    def read_text(self, client):
        return client.recv_data().payload.decode()

    def read_until_quiet(self, client):
        """Every whole message until nothing has come for a while; none may be torn."""
        texts = []
        while True:
            try:
                texts.append(client.recv_data(limit=0.5 * SCALE).payload.decode())
            except AssertionError:
                self.assertIsNone(parse_frame(client.buffer))
                self.assertEqual(bytes(client.buffer[:10]), b"", "a torn frame")
                return texts

    async def test_a_short_nap_within_the_backlog_costs_nothing(self):
        self.memory = 12 * MIB
        server = self.serve("--max-backlog", "16M")
        with opened(server, rcvbuf=4096) as slow:
            _, said = await self.flood(server)
            got = await asyncio.to_thread(lambda: [self.read_text(slow) for _ in said])
            self.assertEqual(got, said)

    async def test_a_slow_reader_on_another_thread_is_the_same(self):
        server = self.serve("--max-backlog", "64K", "--threads", "4")
        slow = [opened(server, rcvbuf=4096) for _ in range(4)]
        for client in slow:
            self.addCleanup(client.close)
        _, said = await self.flood(server, threads=4)
        for client in slow:
            frames = await asyncio.to_thread(self.read_on, client)
            texts = [f.payload.decode() for f in frames if f.opcode != CLOSE]
            self.assertEqual(texts, said[:len(texts)])
            self.assertLess(len(texts), len(said))
            self.assertEqual(frames[-1].payload, b"\x03\xf0too slow")


if __name__ == "__main__":
    unittest.main()
