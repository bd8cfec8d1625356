"""taburet serve FILE --threads 4: one mock on several threads."""
# ctest: threads

import asyncio
import re
import unittest

from mocking import MockCase, yaml
from support import wait_until
from test_threads import busy_threads

PEERS = 16


class Threads(MockCase):
    ARGS = ("--threads", "4")
    FILE = """
        taburet: 1
        server:
          routes:
            /all:
              rules:
                - { when: { starts: all }, broadcast: ["${text} 1", "${text} 2"] }
                - { when: { starts: others }, send: "${text}", to: others }
                - { when: { regex: "^conn (?<id>[0-9]+)$" }, send: "for ${id}", to: "conn ${id}" }
                - { when: id, reply: "${conn.id}" }
                - { when: shape, broadcast: { text: abcdef, fragment: [1, 0, 2] } }
                - { when: raw, broadcast: { raw: "81 01 78" } }
            /rooms:
              rules:
                - { when: { regex: "^join (?<r>.*)$" }, join: "${r}", reply: "in ${r}" }
                - { when: { regex: "^leave (?<r>.*)$" }, leave: "${r}", reply: "out of ${r}" }
                - { when: { regex: "^(?<r>[^:]*): .*$" }, send: "${text}", to: "room ${r}" }
            /clock: { rules: [{ every: 20ms, broadcast: "tick ${n}" }] }
            /count:
              rules:
                - { when: { starts: few, times: 10 }, reply: "few ${n}" }
                - { reply: "${n}" }
            /faults:
              faults:
                - { id: once, enabled: yes, when: { starts: once }, times: 5, then: drop }
                - { id: slow, delay: 10ms..20ms }
                - { id: split, then: split 2 }
              rules:
                - { when: on, fault: { enable: slow }, reply: on }
                - { when: off, fault: { disable: slow }, reply: off }
                - { when: split, fault: { enable: split }, reply: ok }
                - { when: { starts: all }, broadcast: { text: "${text}", fragment: [1, 2] } }
                - { reply: "${text}" }
            /busy:
              rules:
                - { at: connect, join: lobby, set: { name: "${conn.id}" } }
                - { at: close, broadcast: "${name} left" }
                - { when: { ends: ".1" }, wait: 1ms..5ms, send: "${text}", to: room lobby }
                - { when: { ends: ".2" }, broadcast: "${text}" }
                - { when: { ends: ".3" }, close: 4000 }
                - { when: { ends: ".4" }, reset: yes }
        """

    async def peers(self, path, number=PEERS):
        return await asyncio.gather(*(self.meet(path) for _ in range(number)))

    async def test_the_peers_are_spread(self):
        before = busy_threads(self.server)
        await self.peers("/all", 48)
        worked = [n for n in busy_threads(self.server, before).values() if n > 0]
        self.assertGreaterEqual(len(worked), 4)

    async def test_broadcast_and_others(self):
        peers = await self.peers("/all")
        for n, ws in enumerate(peers):
            await ws.send(f"all {n}")
        wanted = sorted(f"all {n} {k}" for n in range(PEERS) for k in (1, 2))
        for ws in peers:
            self.assertEqual(sorted(await self.recv_many(ws, 2 * PEERS)), wanted)
        await peers[0].send("others hear")
        for ws in peers[1:]:
            self.assertEqual(await self.recv(ws), "others hear")
        await peers[0].send("all end")
        self.assertEqual(await self.recv_many(peers[0], 2), ["all end 1", "all end 2"])

    async def test_shapes_cross_whole(self):
        clients = [self.raw("/all") for _ in range(PEERS)]
        sender = await self.meet("/all")
        await sender.send("shape")
        await sender.send("raw")
        for client in clients:
            self.assertEqual([client.recv_frame().payload for _ in range(5)],
                             [b"a", b"", b"bc", b"def", b"x"])

    async def test_to_one_connection(self):
        peers = await self.peers("/all")
        numbers = [await self.ask(ws, "id") for ws in peers]
        for number in numbers:
            await peers[0].send(f"conn {number}")
        for ws, number in zip(peers, numbers):
            self.assertEqual(await self.recv(ws), f"for {number}")

    async def test_rooms(self):
        peers = await self.peers("/rooms")
        for n, ws in enumerate(peers):
            name = "even" if n % 2 == 0 else "odd"
            self.assertEqual(await self.ask(ws, f"join {name}"), f"in {name}")
        await peers[0].send("odd: hello")
        await peers[1].send("even: hello")
        for n, ws in enumerate(peers):
            self.assertEqual(await self.recv(ws), "even: hello" if n % 2 == 0 else "odd: hello")

    async def test_one_clock_for_all(self):
        peers = await self.peers("/clock")
        heard = [await self.recv_many(ws, 5) for ws in peers]
        for ticks in heard:
            numbers = [int(t.split()[1]) for t in ticks]
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 5)))
        self.assertTrue(set.intersection(*map(set, heard)), heard)

    async def test_counts_are_common(self):
        peers = await self.peers("/count")
        few = [await self.ask(ws, f"few {n}") for n, ws in enumerate(peers)]
        self.assertEqual(sorted(m for m in few if m.startswith("few")),
                         sorted(f"few {n}" for n in range(10)))
        got = await asyncio.gather(*(self.ask_all(ws, *("x" * 10)) for ws in peers))
        numbers = sorted(int(n) for answers in got for n in answers)
        self.assertEqual(numbers, list(range(6, 6 + 10 * PEERS)))

    async def test_faults_are_common(self):
        peers = await self.peers("/faults")
        for ws in peers:
            await ws.send("once")
        for ws in peers:
            await asyncio.wait_for(await ws.ping(), 10)
        self.assertEqual(sum(len(ws.messages) for ws in peers), PEERS - 5)
        for ws in peers:
            ws.messages.clear()
        self.assertEqual(await self.ask(peers[0], "on"), "on")
        await peers[1].send("all slow")
        for ws in peers:
            self.assertEqual(await self.recv(ws), "all slow")
        self.assertEqual(await self.ask(peers[2], "split"), "ok")
        await peers[3].send("all slow and split")
        for ws in peers:
            self.assertEqual(await self.recv(ws), "all slow and split")
        self.assertEqual(await self.ask(peers[4], "off"), "off")

    async def test_coming_and_going_amid_everything(self):
        witness = await self.meet("/busy")

        async def live(n):
            for i in range(8):
                ws = await self.connect(self.server, "/busy")
                for k in (1, 2, 1, 2, 3 + (n + i) % 2):
                    await ws.send(f"{n}.{i}.{k}")
                await asyncio.wait_for(ws.wait_closed(), 20)
        await asyncio.gather(*(live(n) for n in range(6)))
        await witness.send("the end.2")
        got = []
        while not got or got[-1] != "the end.2":
            got.append(await self.recv(witness))
        left = [m for m in got if re.match(r"^\d+ left$", m)]
        self.assertEqual(len(left), len(set(left)))
        wait_until(lambda: len(self.server.find_log("disconnected")) >= 48, "all have left")


class Reload(MockCase):
    async def test_all_threads_have_the_new_file(self):
        text = """
            taburet: 1
            vars: { word: x }
            server:
              routes:
                /a:
                  rules:
                    - { when: { starts: name }, set: { name: "${text}" }, goto: named, reply: ok }
                    - { when: { starts: late }, wait: 20ms, broadcast: "late ${text}" }
                    - { in: named, reply: "%s ${name} ${n}" }
                    - { every: 5ms, broadcast: tick, log: "clock of %s ${word}" }
            """
        server = self.mock(text % ("v0", "v0"), "--threads", "4")
        peers = await asyncio.gather(*(self.connect(server, "/a") for _ in range(PEERS)))
        for n, ws in enumerate(peers):
            await ws.send(f"name {n}")
        for version in range(1, 6):
            mark = server.mark()
            for ws in peers:
                await ws.send("late")
            server.path.write_text(yaml(text % (f"v{version}", f"v{version}")))
            server.wait_for_log("is in force", since=mark)
            server.wait_for_log(f"clock of v{version} x", since=mark)

            async def settled(ws, version=version):
                while True:
                    await ws.send("x")
                    while (m := await self.recv(ws)).startswith(("tick", "late", "ok")):
                        pass
                    if m.startswith(f"v{version} name"):
                        return m.split()[2]
            names = await asyncio.gather(*(settled(ws) for ws in peers))
            self.assertEqual(names, [str(n) for n in range(PEERS)])


if __name__ == "__main__":
    unittest.main()
