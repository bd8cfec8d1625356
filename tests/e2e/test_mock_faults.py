"""taburet serve FILE: what goes wrong on purpose.

A loop tells the time in whole milliseconds, once a turn, so what takes 50 ms may take 49."""

import asyncio
import time
import unittest

from mocking import MockCase
from rawclient import BINARY, PING, PONG, TEXT, Gone, RawClient, frame, request
from support import LIMIT


class Effects(MockCase):
    """Each on a route of its own, which says everything back."""
    FILE = """
        taburet: 1
        server:
          routes:
            /drop:
              faults: [{ id: drop, enabled: yes, when: { contains: lost }, then: drop }]
              rules: [{ reply: "${text}" }]
            /duplicate:
              faults: [{ id: duplicate, enabled: yes, when: { contains: two }, then: duplicate }]
              rules: [{ reply: "${text}" }]
            /reorder:
              faults: [{ id: reorder, enabled: yes, when: { starts: late }, then: reorder }]
              rules: [{ when: bye, close: 4000 }, { reply: "${text}" }]
            /truncate:
              faults: [{ id: truncate, enabled: yes, then: truncate }]
              rules: [{ reply: "${text}" }]
            /corrupt:
              faults: [{ id: corrupt, enabled: yes, then: corrupt }]
              rules: [{ reply: "${text}" }]
            /close:
              faults: [{ id: close, enabled: yes, after: 2 messages, then: close 4123 }]
              rules: [{ reply: "${text}" }]
            /reset:
              faults: [{ id: reset, enabled: yes, after: 1 message, then: reset }]
              rules: [{ reply: "${text}" }]
            /stall:
              faults: [{ id: stall, enabled: yes, after: 1, then: stall }]
              rules: [{ reply: "${text}" }]
            /no-pong:
              faults: [{ id: no-pong, enabled: yes, times: 2, then: no-pong }]
            /no-pong/some:
              faults: [{ id: some, enabled: yes, when: { type: ping, from: client, text: x }, then: no-pong }]
            /refuse:
              faults: [{ id: refuse, enabled: yes, times: 2, then: refuse 503 }]
            /refuse/some:
              faults: [{ id: refuse some, enabled: yes, when: { query: { a: b } }, then: refuse 429 }]
            /split:
              faults: [{ id: split, enabled: yes, then: split 3 }]
              rules:
                - { when: shaped, reply: { text: abcdefg, fragment: [1, 6] } }
                - { reply: "${text}" }
            /raw:
              faults: [{ id: raw, enabled: yes, when: bad, then: { raw: "83 00" } }]
              rules: [{ reply: "${text}" }]
            /from-client:
              rules:
                - { when: { type: binary }, reply: "${text}" }
                - { reply: "heard ${text} ${n}" }
              faults:
                - { id: deaf, enabled: yes, when: { from: client, starts: deaf }, then: drop }
                - { id: half, enabled: yes, when: { from: client, starts: half }, then: truncate }
                - { id: echo, enabled: yes, when: { from: client, starts: twice }, then: duplicate }
                - { id: rot, enabled: yes, when: { from: client, type: binary }, then: corrupt }
                - { id: bye, enabled: yes, when: { from: client, starts: bye }, then: close 4001 }
                - { id: late, enabled: yes, when: { from: client, contains: late }, delay: 30ms }
            /all:
              faults:
                - { id: all drop, enabled: yes, when: { starts: d }, then: drop }
              rules: [{ broadcast: "${text}" }]
            /many:
              faults:
                - { id: m1, enabled: yes, delay: 20ms }
                - { id: m2, enabled: yes, then: split 2 }
                - { id: m3, enabled: yes, then: truncate }
                - { id: m4, enabled: yes, then: duplicate }
                - { id: m5, enabled: yes, then: duplicate }
              rules:
                - when: json
                  reply: { json: { said: "${text}", more: ["${n}", x] } }
                - { reply: "${text}" }
        """

    async def test_drop(self):
        ws = await self.meet("/drop")
        mark = self.server.mark()
        await ws.send("lost")
        self.assertEqual(await self.ask(ws, "kept"), "kept")
        self.server.wait_for_log("drop", since=mark)

    async def test_duplicate(self):
        ws = await self.meet("/duplicate")
        await ws.send("two")
        await ws.send("one")
        self.assertEqual(await self.recv_many(ws, 3), ["two", "two", "one"])

    async def test_reorder(self):
        ws = await self.meet("/reorder")
        for text in ("late 1", "late 2", "then", "late 3", "last"):
            await ws.send(text)
        self.assertEqual(await self.recv_many(ws, 5), ["late 2", "late 1", "then", "last",
                                                       "late 3"])
        await ws.send("late 4")
        await ws.send("bye")
        self.assertEqual(await self.recv(ws), "late 4")
        await self.assert_closed(ws, 4000)

    async def test_truncate(self):
        ws = await self.meet("/truncate")
        self.assertEqual(await self.ask_all(ws, "abcdef", "aéé", "x", b"\xff" * 5),
                         ["abc", "a", "", b"\xff\xff"])

    async def test_corrupt(self):
        client = self.raw("/corrupt")
        for said in (b"a text that was well", b"x"):
            client.send_frame(TEXT, said)
            got = client.recv_frame()
            self.assertEqual((got.opcode, len(got.payload)), (TEXT, len(said)))
            self.assertEqual(sum(a != b for a, b in zip(got.payload, said)), 1)
        client.send_frame(TEXT, b"")
        self.assertEqual(client.recv_frame().payload, b"")

    async def test_close(self):
        for _ in range(2):  # `after` is each connection's own
            ws = await self.meet("/close")
            self.assertEqual(await self.ask_all(ws, "1", "2"), ["1", "2"])
            await ws.send("3")
            await self.assert_closed(ws, 4123)

    async def test_reset(self):
        client = self.raw("/reset")
        client.send_frame(TEXT, b"1")
        self.assertEqual(client.recv_frame().payload, b"1")
        client.send_frame(TEXT, b"2")
        self.assertEqual(client.wait_gone(), "reset")

    async def test_stall(self):
        client = self.raw("/stall")
        client.send_frame(TEXT, b"1")
        self.assertEqual(client.recv_frame().payload, b"1")
        client.send_frame(TEXT, b"2")
        client.send_frame(PING, b"3")
        with self.assertRaisesRegex(AssertionError, "nothing came"):
            client.recv_frame(0.05)

    async def test_no_pong(self):
        client = self.raw("/no-pong")
        for data in (b"1", b"2", b"3"):
            client.send_frame(PING, data)
        self.assertEqual(client.recv_frame()[2:], (PONG, b"3"))
        client = self.raw("/no-pong/some")
        for data in (b"x", b"y"):
            client.send_frame(PING, data)
        self.assertEqual(client.recv_frame()[2:], (PONG, b"y"))

    async def test_refuse(self):
        statuses = []
        for path in ("/refuse", "/refuse", "/refuse", "/refuse/some?a=b", "/refuse/some?a=c"):
            client = RawClient(self.server)
            self.addCleanup(client.close)
            client.send(request(path=path))
            statuses.append(client.recv_response().status)
        self.assertEqual(statuses, [503, 503, 101, 429, 101])

    async def test_split(self):
        client = self.raw("/split")
        client.send_frame(BINARY, b"abcdefg")
        pieces = [(False, 0, BINARY, b"abc"), (False, 0, 0, b"def"), (True, 0, 0, b"g")]
        self.assertEqual([client.recv_frame() for _ in range(3)], pieces)
        client.send_frame(TEXT, b"shaped")
        self.assertEqual([client.recv_frame().payload for _ in range(3)], [b"abc", b"def", b"g"])

    async def test_raw(self):
        client = self.raw("/raw")
        client.send_frame(TEXT, b"good")
        self.assertEqual(client.recv_frame(), (True, 0, TEXT, b"good"))
        client.send_frame(TEXT, b"bad")
        client.send_frame(TEXT, b"good")
        while len(client.buffer) < 8:
            client._fill(time.monotonic() + LIMIT)
        self.assertEqual(bytes(client.buffer), b"\x83\x00\x81\x04good")

    async def test_what_the_client_says(self):
        ws = await self.meet("/from-client")
        await ws.send("deaf")
        await ws.send("half of it")
        self.assertRegex(await self.recv(ws), r"^heard half  \d+$")
        await ws.send("twice")
        first, second = await self.recv_many(ws, 2)
        self.assertRegex(first, "^heard twice")
        self.assertEqual(int(second.split()[2]), int(first.split()[2]) + 1)
        got = await self.ask(ws, b"abc")
        self.assertEqual(sum(a != b for a, b in zip(got, b"abc")), 1)
        await ws.send("bye")
        await self.assert_closed(ws, 4001)

    async def test_what_the_client_says_keeps_its_order_while_it_is_late(self):
        ws = await self.meet("/from-client")
        began = time.monotonic()
        for text in ("late 1", "2", "twice late 3", "4"):
            await ws.send(text)
        got = [m.rsplit(" ", 1)[0] for m in await self.recv_many(ws, 5)]
        self.assertEqual(got, ["heard late 1", "heard 2", "heard twice late 3",
                               "heard twice late 3", "heard 4"])
        self.assertGreaterEqual(time.monotonic() - began, 0.025)
        self.assertRegex(await self.ask(ws, "at once"), "^heard at once")
        self.assertRegex(await self.ask(ws, "half late!"), "^heard half  ")

    async def test_broadcasts_pass_them_too(self):
        a, b = await self.meet("/all"), await self.meet("/all")
        await a.send("dropped")
        await a.send("kept")
        self.assertEqual([await self.recv(a), await self.recv(b)], ["kept", "kept"])

    async def test_several_at_once(self):
        client = self.raw("/many")
        client.send_frame(TEXT, b"abcdefgh")
        client.send_frame(TEXT, b"json")
        client.send_frame(TEXT, b"json")
        got = [client.recv_frame() for _ in range(6)]
        self.assertEqual(got, [(False, 0, TEXT, b"ab"), (True, 0, 0, b"cd")] * 3)
        whole = b'{"said":"json","more":["0","x"]}'
        half = [whole[i:i + 2] for i in range(0, len(whole) // 2, 2)]
        for _ in range(3):
            self.assertEqual([client.recv_frame().payload for _ in half], half)


class Delays(MockCase):
    FILE = """
        taburet: 1
        server:
          routes:
            /delay:
              faults: [{ id: delay, enabled: yes, delay: 40ms, when: { not: now } }]
              rules:
                - { when: bye, reply: goodbye, close: 4000 }
                - { when: { starts: all }, broadcast: "${text}" }
                - { reply: "${text}" }
            /jitter:
              faults: [{ id: jitter, enabled: yes, delay: 1ms, jitter: 0ms..30ms }]
              rules: [{ reply: "${text}" }]
            /rate:
              faults: [{ id: rate, enabled: yes, rate: 20KB/s }]
              rules: [{ reply: "${text}" }]
            /switch:
              faults: [{ id: slow, delay: 50ms }, { id: swap, then: reorder }]
              rules:
                - { when: on, fault: { enable: slow }, reply: on }
                - { when: off, fault: { disable: slow }, reply: off }
                - { when: swap, fault: { enable: swap }, reply: swap }
                - { when: straight, fault: { disable: swap }, reply: straight }
                - { when: { starts: all }, broadcast: "${text}" }
                - { reply: "${text}" }
            /shapes:
              faults: [{ id: shapes, enabled: yes, delay: 10ms }]
              rules:
                - { when: fragments, reply: { text: abcdef, fragment: [1, 0, 2] } }
                - { when: raw, reply: { raw: "81 01 78" } }
                - { when: binary, reply: { hex: "00 01" } }
            /flood:
              faults: [{ id: flood, enabled: yes, delay: 1h }]
              rules: [{ reply: "${text}" }]
            /flood/empty:
              faults: [{ id: flood empty, enabled: yes, delay: 1h }]
              rules: [{ reply: "" }]
            /flood/heard:
              faults: [{ id: flood heard, enabled: yes, when: { from: client }, delay: 1h }]
        """

    async def test_delay_keeps_the_order(self):
        ws = await self.meet("/delay")
        began = time.monotonic()
        self.assertEqual(await self.ask(ws, "now"), "now")
        for text in ("one", "now", "two"):
            await ws.send(text)
        self.assertEqual(await self.recv_many(ws, 3), ["one", "now", "two"])
        self.assertGreaterEqual(time.monotonic() - began, 0.035)

    async def test_the_last_words_come_before_the_close(self):
        ws = await self.meet("/delay")
        await ws.send("bye")
        self.assertEqual(await self.recv(ws), "goodbye")
        await self.assert_closed(ws, 4000)

    async def test_who_leaves_meanwhile_gets_nothing(self):
        ws = await self.meet("/delay")
        await ws.send("one")
        await ws.close()
        other = await self.meet("/delay")
        self.assertEqual(await self.ask(other, "all"), "all")

    async def test_jitter_keeps_the_order(self):
        ws = await self.meet("/jitter")
        texts = [str(i) for i in range(50)]
        self.assertEqual(await self.ask_all(ws, *texts), texts)

    async def test_rate(self):
        ws = await self.meet("/rate")
        began = time.monotonic()
        self.assertEqual(await self.ask_all(ws, "x" * 1024, "y" * 1024), ["x" * 1024, "y" * 1024])
        self.assertGreaterEqual(time.monotonic() - began, 0.095)

    async def test_nothing_overtakes_when_it_is_switched_off(self):
        a, b = await self.meet("/switch"), await self.meet("/switch")
        self.assertEqual(await self.ask(a, "before"), "before")
        for text in ("on", "slow", "off", "fast", "all of us"):
            await a.send(text)
        self.assertEqual(await self.recv_many(a, 5), ["on", "slow", "off", "fast", "all of us"])
        self.assertEqual(await self.recv(b), "all of us")
        began = time.monotonic()
        for text in ("swap", "behind", "straight", "last"):
            await a.send(text)
        self.assertEqual(sorted(await self.recv_many(a, 4)),
                         ["behind", "last", "straight", "swap"])
        self.assertLess(time.monotonic() - began, 5)

    async def test_shapes_are_kept(self):
        client = self.raw("/shapes")
        for what in (b"fragments", b"raw", b"binary"):
            client.send_frame(TEXT, what)
        self.assertEqual([client.recv_frame() for _ in range(6)],
                         [(False, 0, TEXT, b"a"), (False, 0, 0, b""), (False, 0, 0, b"bc"),
                          (True, 0, 0, b"def"), (True, 0, TEXT, b"x"),
                          (True, 0, BINARY, b"\x00\x01")])

    async def flood(self, path, data):
        mark = self.server.mark()
        client = self.raw(path)
        try:
            client.send(data)
            self.assertEqual(client.recv_close()[0], 1008)
        except (BrokenPipeError, ConnectionResetError, Gone):
            pass  # the close was lost behind what was not read
        client.close()
        self.server.wait_for_log(r"#\d+ is closed: .*too much waits", since=mark)
        self.server.wait_for_log("disconnected", since=mark)

    async def test_what_waits_is_bounded(self):
        await self.flood("/flood", frame(TEXT, b"x" * 60_000) * 600)
        await self.flood("/flood/empty", frame(TEXT, b"") * 250_000)
        await self.flood("/flood/heard", frame(TEXT, b"x" * 60_000) * 600)
        await self.assert_alive(self.server, path="/switch")


class Counting(MockCase):
    FILE = """
        taburet: 1
        seed: 7
        server:
          routes:
            /times:
              faults: [{ id: times, enabled: yes, times: 2, then: drop }]
              rules: [{ reply: "${text}" }]
            /after:
              faults: [{ id: after, enabled: yes, after: 2 messages, times: 1, then: drop }]
              rules: [{ reply: "${text}" }]
            /chance:
              faults: [{ id: chance, enabled: yes, chance: 50%, then: drop }]
              rules: [{ reply: "${text}" }]
            /never:
              faults: [{ id: off, then: drop }, { id: never, enabled: yes, chance: 0%, then: drop }]
              rules: [{ reply: "${text}" }]
        """

    async def test_times(self):
        a, b = await self.meet("/times"), await self.meet("/times")
        await a.send("1")
        await asyncio.wait_for(await a.ping(), 10)
        await b.send("2")
        await asyncio.wait_for(await b.ping(), 10)
        self.assertEqual([await self.ask(a, "3"), await self.ask(b, "4")], ["3", "4"])

    async def test_after(self):
        ws = await self.meet("/after")
        for text in "1234":
            await ws.send(text)
        self.assertEqual(await self.recv_many(ws, 3), ["1", "2", "4"])

    async def test_chance(self):
        ws = await self.meet("/chance")
        for i in range(200):
            await ws.send(str(i))
        await asyncio.wait_for(await ws.ping(), 10)
        await ws.close()
        kept = 0
        try:
            while True:
                await self.recv(ws)
                kept += 1
        except Exception as end:  # pylint: disable=broad-except
            self.assertIn("ConnectionClosed", type(end).__name__)
        self.assertTrue(60 < kept < 140, kept)

    async def test_never(self):
        ws = await self.meet("/never")
        texts = [str(i) for i in range(50)]
        self.assertEqual(await self.ask_all(ws, *texts), texts)


if __name__ == "__main__":
    unittest.main()
