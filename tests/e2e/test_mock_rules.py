"""taburet serve FILE: which rule answers, and what it does."""

import asyncio
import json
import time
import unittest

from mocking import MockCase
from rawclient import BINARY, CLOSE, PING, PONG, TEXT, close_body, frame
from websockets.exceptions import ConnectionClosed


class Matchers(MockCase):
    """Every matcher, through the wire."""
    FILE = """
        taburet: 1
        vars: { word: sesame }
        server:
          rules:
            - { when: exactly this, reply: text }
            - { when: "${word}", reply: template }
            - { when: { text: "1" }, reply: long text }
            - { when: { contains: "con\\ttains" }, reply: contains }
            - { when: { starts: st- }, reply: starts }
            - { when: { ends: -en }, reply: ends }
            - { when: { regex: "^re(?<rest>[0-9]+)$" }, reply: "regex ${rest}" }
            - { when: { json: { $.type: login, "$.tags[*]": new, $.n: 5 } }, reply: json all }
            - { when: { json: { $.type: { regex: "^lo(?<tail>.*)$" } } }, reply: "json ${tail}" }
            - { when: { json: { $.gone: { exists: no }, $.here: null } }, reply: json null }
            - { when: { binary: "ca fe .. 01" }, reply: binary }
            - { when: { type: binary, size: 3 }, reply: three }
            - { when: { size: 2000..1MB }, reply: large }
            - { when: { starts: not, not: { contains: nought } }, reply: not }
            - { when: { any: [ayes, { starts: any }] }, reply: any }
            - { when: { all: [{ starts: al }, { ends: ll }] }, reply: all }
            - { when: { contains: twice, times: 2 }, reply: "twice ${n}" }
            - { when: { contains: twice }, reply: no more }
            - { when: { contains: never, chance: 0% }, reply: never }
            - { when: { contains: never, chance: 100% }, reply: always }
            - { when: { starts: who, header: { x-who: { starts: b } }, query: { q: "1" } },
                reply: "${header.x-who} ${query.q} ${query.none:-none}" }
            - { when: { from: client, starts: from }, reply: from }
            - { when: { from: server, starts: serv }, reply: wrong }
            - { when: { type: ping }, reply: "ping ${text}" }
            - { when: { type: pong }, reply: "pong ${text}" }
            - { when: { type: text, contains: "" }, reply: "other text" }
            - { reply: { text: other, binary: yes } }
        """

    async def test_texts(self):
        ws = await self.meet("/")
        self.assertEqual(await self.ask_all(
            ws, "exactly this", "exactly this ", "sesame", "1", "a con\ttains b", "st-a", "a st-",
            "a-en", "-en ", "re42", "re4x"),
            ["text", "other text", "template", "long text", "contains", "starts", "other text",
             "ends", "other text", "regex 42", "other text"])

    async def test_json(self):
        ws = await self.meet("/")
        self.assertEqual(await self.ask_all(
            ws, '{"type":"login","tags":["old","new"],"n":5}', '{"type":"login","tags":[],"n":5}',
            '{"type":"lobby"}', '{"type":{"a":1}}', '{"here":null}', '{"here":null,"gone":1}',
            '{"type":"login"'),
            ["json all", "json gin", "json bby", "other text", "json null", "other text",
             "other text"])

    async def test_bytes_and_sizes(self):
        ws = await self.meet("/")
        self.assertEqual(await self.ask_all(
            ws, b"\xca\xfe\x00\x01", b"\xca\xfe\x00\x02", b"abc", "abc", "x" * 1999, "x" * 2000,
            b"", b"x" * 2001),
            ["binary", b"other", "three", "other text", "other text", "large", b"other", "large"])

    async def test_combined(self):
        ws = await self.meet("/")
        self.assertEqual(await self.ask_all(
            ws, "not this", "not nought", "ayes", "anyone", "al-all", "al", "never", "from me",
            "serv"),
            ["not", "other text", "any", "any", "all", "other text", "always", "from",
             "other text"])

    async def test_times_then_falls_through(self):
        ws = await self.meet("/")
        other = await self.meet("/")
        self.assertEqual([await self.ask(ws, "twice"), await self.ask(other, "twice"),
                          await self.ask(ws, "twice")], ["twice 0", "twice 1", "no more"])

    async def test_the_handshake(self):
        ws = await self.meet("/?q=1", extra_headers={"X-Who": "bob"})
        self.assertEqual(await self.ask(ws, "who am I"), "bob 1 none")
        ws = await self.meet("/?q=2", extra_headers={"X-Who": "bob"})
        self.assertEqual(await self.ask(ws, "who am I"), "other text")

    async def test_control_frames(self):
        client = self.raw()
        client.send_frame(PING, b"p1")
        self.assertEqual({client.recv_frame()[2:], client.recv_frame()[2:]},
                         {(TEXT, b"ping p1"), (PONG, b"p1")})
        client.send_frame(PONG, b"p2")
        self.assertEqual(client.recv_frame()[2:], (TEXT, b"pong p2"))


class Choice(MockCase):
    """Which rules fire, and in what order."""
    FILE = """
        taburet: 1
        server:
          routes:
            /first:
              rules:
                - { when: { contains: a }, reply: one }
                - { when: { contains: a }, reply: two }
                - { reply: three }
            /continue:
              rules:
                - { when: { regex: "(?<x>[0-9])" }, continue: yes, reply: "digit ${x}" }
                - { when: { contains: a }, continue: yes, reply: a }
                - { when: { contains: stop }, reply: stop }
                - { continue: yes, reply: any }
                - { when: { contains: z }, reply: "z${x:--}" }
            /states:
              rules:
                - { when: { starts: login }, in: start, goto: in, reply: hello }
                - { when: logout, in: [in, idle], goto: start, reply: bye }
                - { when: idle, in: in, do: [{ goto: idle }, { reply: sleeping }] }
                - { in: in, reply: "in: ${text}" }
                - { in: idle, reply: zzz }
                - { reply: who are you? }
            /goto/continue:
              rules:
                - { when: go, continue: yes, goto: b }
                - { in: b, reply: in b }
                - { reply: in start }
            /nothing:
              rules:
                - { when: quiet }
                - { when: { type: binary }, reply: bytes }
            /order:
              rules:
                - do:
                    - { reply: 1 }
                    - { wait: 20ms }
                    - { reply: [2, 3] }
                    - { wait: 20ms..25ms }
                    - { reply: 4 }
            /keys:
              rules:
                - { reply: first, wait: 10ms, broadcast: second }
        """

    async def test_the_first_rule_answers(self):
        ws = await self.meet("/first")
        self.assertEqual(await self.ask_all(ws, "a", "b"), ["one", "three"])

    async def test_continue(self):
        ws = await self.meet("/continue")
        await ws.send("1a")
        await ws.send("stop")
        await ws.send("z")
        self.assertEqual(await self.recv_many(ws, 6), ["digit 1", "a", "any", "stop", "any", "z-"])

    async def test_states_belong_to_the_connection(self):
        a, b = await self.meet("/states"), await self.meet("/states")
        self.assertEqual(await self.ask_all(a, "hi", "login", "hi", "login"),
                         ["who are you?", "hello", "in: hi", "in: login"])
        self.assertEqual(await self.ask(b, "hi"), "who are you?")
        self.assertEqual(await self.ask_all(a, "idle", "hi", "idle", "logout", "hi"),
                         ["sleeping", "zzz", "zzz", "bye", "who are you?"])

    async def test_a_new_state_counts_at_once(self):
        ws = await self.meet("/goto/continue")
        self.assertEqual(await self.ask_all(ws, "a", "go", "a"), ["in start", "in b", "in b"])

    async def test_a_rule_without_actions_answers_nothing(self):
        ws = await self.meet("/nothing")
        mark = self.server.mark()
        await ws.send("quiet")
        self.assertEqual(await self.ask(ws, b"x"), "bytes")
        self.assertFalse(self.server.find_log("no rule takes", mark))

    async def test_actions_come_in_their_order(self):
        ws = await self.meet("/order")
        began = time.monotonic()
        await ws.send("x")
        self.assertEqual(await self.recv_many(ws, 4), ["1", "2", "3", "4"])
        self.assertGreaterEqual(time.monotonic() - began, 0.035)

    async def test_a_waiting_rule_holds_up_nobody(self):
        ws = await self.meet("/keys")
        await ws.send("x")
        await ws.send("y")
        self.assertEqual(await self.recv_many(ws, 4), ["first", "first", "second", "second"])


class Actions(MockCase):
    FILE = """
        taburet: 1
        server:
          routes:
            /all:
              rules:
                - { when: { starts: all }, broadcast: "${text}" }
                - { when: { starts: others }, send: "${text}", to: others }
                - { when: { regex: "^conn (?<id>.*)$" }, to: "conn ${id}", send: "for ${id}" }
                - { when: id, reply: "${conn.id}" }
                - { when: addr, reply: "${conn.addr}" }
            /rooms:
              rules:
                - { when: { regex: "^join (?<r>.*)$" }, join: "${r}", reply: "in ${r}" }
                - { when: { regex: "^leave (?<r>.*)$" }, leave: "${r}", reply: "out of ${r}" }
                - { when: { regex: "^(?<r>[^:]*): (?<what>.*)$" }, send: "${r}: ${what}",
                    to: "room ${r}" }
            /same-rooms:
              rules:
                - { at: connect, join: lobby }
                - { send: "${text}", to: room lobby }
            /set:
              rules:
                - { when: { regex: "^name (?<x>.*)$" }, set: { name: "${x}", greeting: "I am ${name}" } }
                - { reply: "${name:-nobody} ${greeting:-}" }
            /log:
              rules:
                - { log: "it said '${text}' ${header.missing:-}", reply: ok }
            /ping:
              rules:
                - { when: long, ping: "${text}${text}${text}", reply: was long }
                - { ping: "are you there? ${text}" }
            /close:
              rules:
                - { when: plain, close: }
                - { when: code, close: 4001 }
                - { when: { starts: why }, reply: goodbye, close: { code: 4002, reason: "because ${text}" } }
                - { when: { type: binary }, close: { reason: "${text}" } }
            /reset: { rules: [{ reset: yes }] }
            /stall: { rules: [{ when: stall, reply: last words, stall: yes }, { reply: "${text}" }] }
            /shapes:
              rules:
                - { when: binary, reply: { text: hi, binary: yes } }
                - when: json
                  reply:
                    json:
                      said: ${text}
                      n: ${n}
                      list: [1, true, null, "1"]
                - { when: hex, reply: { hex: "00 ff" } }
                - { when: base64, reply: { base64: "aGk=", binary: no } }
                - { when: fragments, reply: { text: abcdefghij, fragment: [3, 0, 10] } }
                - { when: pieces, reply: { text: abcde, fragment: 2 } }
                - { when: rsv, reply: { text: x, frame: { rsv: 4 } } }
                - { when: raw, reply: { raw: "81 02 c3 28" } }
                - { when: { type: binary }, reply: "${text}" }
        """

    async def test_broadcast_and_others(self):
        a, b = await self.meet("/all"), await self.meet("/all")
        elsewhere = await self.meet("/log")
        await a.send("all hello")
        await a.send("others hello")
        await b.send("all bye")
        self.assertEqual(await self.recv_many(a, 2), ["all hello", "all bye"])
        self.assertEqual(await self.recv_many(b, 3), ["all hello", "others hello", "all bye"])
        self.assertEqual(await self.ask(elsewhere, "x"), "ok")

    async def test_to_one_connection(self):
        a, b = await self.meet("/all"), await self.meet("/all")
        number = await self.ask(b, "id")
        await a.send(f"conn {number}")
        self.assertEqual(await self.recv(b), f"for {number}")
        mark = self.server.mark()
        for wrong in ("999999", "-1", "1x", ""):
            await a.send(f"conn {wrong}")
        self.server.wait_for_log("'1x' is no number of a connection", since=mark)
        self.server.wait_for_log("'' is no number of a connection", since=mark)
        self.assertRegex(await self.ask(a, "addr"), r"^127\.0\.0\.1:\d+$")

    async def test_rooms(self):
        a, b, c = [await self.meet("/rooms") for _ in range(3)]
        self.assertEqual(await self.ask_all(a, "join red", "join blue", "join red"),
                         ["in red", "in blue", "in red"])
        self.assertEqual(await self.ask(b, "join red"), "in red")
        await c.send("red: one")
        await c.send("blue: two")
        await c.send("green: nobody")
        self.assertEqual(await self.recv_many(a, 2), ["red: one", "blue: two"])
        self.assertEqual(await self.recv(b), "red: one")
        self.assertEqual(await self.ask_all(a, "leave red", "leave green"),
                         ["out of red", "out of green"])
        await c.send("red: three")
        self.assertEqual(await self.recv(b), "red: three")
        self.assertEqual(await self.ask(a, "join red"), "in red")
        await b.close()
        await c.send("red: four")
        self.assertEqual(await self.recv(a), "red: four")

    async def test_rooms_are_the_routes_own(self):
        a, b = await self.meet("/same-rooms"), await self.meet("/rooms")
        self.assertEqual(await self.ask(b, "join lobby"), "in lobby")
        self.assertEqual(await self.ask(a, "hi"), "hi")
        self.assertEqual(await self.ask(b, "lobby: you"), "lobby: you")

    async def test_a_connection_is_in_so_many_rooms_at_most(self):
        ws = await self.meet("/rooms")
        mark = self.server.mark()
        answers = await self.ask_all(ws, *(f"join {i}" for i in range(1001)), "join 5", "leave 7",
                                     "join last")
        self.assertEqual(answers[-1], "in last")
        self.server.wait_for_log("is in 1000 rooms already", since=mark)
        self.assertEqual(await self.ask_all(ws, "999: here", "last: here"),
                         ["999: here", "last: here"])

    async def test_a_room_has_a_short_name(self):
        ws = await self.meet("/rooms")
        mark = self.server.mark()
        short, long = "x" * 256, "y" * 257
        self.assertEqual(await self.ask_all(ws, f"join {short}", f"join {long}"),
                         [f"in {short}", f"in {long}"])
        self.server.wait_for_log("does not join the room: its name has more than 256 bytes",
                                 since=mark)
        await ws.send(f"{long}: nobody")
        self.assertEqual(await self.ask(ws, f"{short}: here"), f"{short}: here")

    async def test_set(self):
        a, b = await self.meet("/set"), await self.meet("/set")
        await a.send("name bob")
        self.assertEqual(await self.ask(a, "x"), "bob I am bob")
        self.assertEqual(await self.ask(b, "x"), "nobody ")

    async def test_log(self):
        ws = await self.meet("/log")
        mark = self.server.mark()
        self.assertEqual(await self.ask(ws, "a\x1b[31mb\nc"), "ok")
        self.server.wait_for_log(r"it said 'a\\x1b\[31mb\\nc' $", since=mark)

    async def test_ping(self):
        client = self.raw("/ping")
        client.send_frame(TEXT, b"bob")
        self.assertEqual(client.recv_frame()[2:], (PING, b"are you there? bob"))
        mark = self.server.mark()
        client.send_frame(TEXT, b"x" * 111)
        self.server.wait_for_log("no ping is sent: it would have 126 bytes", since=mark)

    async def test_close(self):
        for said, code, reason in (("plain", 1000, ""), ("code", 4001, ""),
                                   ("why not", 4002, "because why not"),
                                   ("why " + "x" * 200, 4002, "because why " + "x" * 111),
                                   (b"\xff\xfe", 1000, "")):
            ws = await self.meet("/close")
            await ws.send(said)
            if code == 4002:
                self.assertEqual(await self.recv(ws), "goodbye")
            await self.assert_closed(ws, code)
            self.assertEqual(ws.close_reason, reason)

    async def test_reset(self):
        client = self.raw("/reset")
        client.send_frame(TEXT, b"x")
        self.assertEqual(client.wait_gone(), "reset")

    async def test_stall(self):
        client = self.raw("/stall")
        client.send_frame(TEXT, b"stall")
        self.assertEqual(client.recv_frame().payload, b"last words")
        for opcode in (TEXT, PING, CLOSE):
            client.send_frame(opcode, close_body(1000) if opcode == CLOSE else b"x")
        with self.assertRaisesRegex(AssertionError, "nothing came"):
            client.recv_frame(0.05)
        taken = client.send_until_blocked(frame(TEXT, b"x" * 60000) * 1000, patience=0.1)
        self.assertLess(taken, 60_000_000, "a dead server read it all")

    async def test_shapes(self):
        client = self.raw("/shapes")

        def ask(what, number=1):
            client.send_frame(TEXT, what)
            return [client.recv_frame() for _ in range(number)]
        self.assertEqual(ask(b"binary"), [(True, 0, BINARY, b"hi")])
        got = ask(b"json")[0]
        self.assertEqual((got.opcode, json.loads(got.payload)),
                         (TEXT, {"said": "json", "n": 0, "list": [1, True, None, "1"]}))
        self.assertEqual(ask(b"hex"), [(True, 0, BINARY, b"\x00\xff")])
        self.assertEqual(ask(b"base64"), [(True, 0, TEXT, b"hi")])
        self.assertEqual(ask(b"fragments", 3), [(False, 0, TEXT, b"abc"), (False, 0, 0, b""),
                                                (True, 0, 0, b"defghij")])
        self.assertEqual(ask(b"pieces", 3), [(False, 0, TEXT, b"ab"), (False, 0, 0, b"cd"),
                                             (True, 0, 0, b"e")])
        self.assertEqual(ask(b"rsv"), [(True, 4, TEXT, b"x")])
        self.assertEqual(ask(b"raw"), [(True, 0, TEXT, b"\xc3\x28")])
        client.send_frame(BINARY, b"\xff\x00bytes")
        self.assertEqual(client.recv_frame(), (True, 0, BINARY, b"\xff\x00bytes"))


class Triggers(MockCase):
    FILE = """
        taburet: 1
        server:
          routes:
            /connect:
              rules:
                - { at: connect, reply: "welcome ${conn.id}", send: "${conn.id} came", to: others }
                - { at: connect, reply: again, set: { x: set } }
                - { at: close, broadcast: "${conn.id} left, ${x}" }
                - { reply: "${x}" }
            /refuse: { rules: [{ at: connect, close: 4000 }, { at: close, log: "gone: ${path.x:-}" }] }
            /close:
              rules:
                - { when: { type: close }, reply: wait, log: "close says '${text}'" }
                - { at: close, log: "it has gone" }
            /everybody:
              rules:
                - { every: 20ms, broadcast: "tick ${n}" }
            /alone: { rules: [{ every: 10ms, broadcast: "${n}" }] }
            /each:
              rules:
                - { every: 20ms..21ms, reply: "own ${conn.id}" }
            /in:
              rules:
                - { when: go, goto: on }
                - { every: 10ms, in: on, broadcast: tick }
                - { reply: "${text}" }
            /after:
              rules:
                - { after: 30ms, reply: later }
                - { after: 15ms, reply: sooner }
                - { reply: now }
        """

    async def test_at_connect_and_at_close(self):
        a = await self.meet("/connect")
        me = (await self.recv(a)).split()[1]
        self.assertEqual(await self.recv(a), "again")
        b = await self.meet("/connect")
        you = (await self.recv(b)).split()[1]
        self.assertEqual(await self.recv(a), f"{you} came")
        self.assertEqual(await self.recv(b), "again")
        await b.close()
        self.assertEqual(await self.recv(a), f"{you} left, set")
        self.assertEqual(await self.ask(a, "x"), "set")
        self.assertNotEqual(me, you)

    async def test_closed_as_soon_as_it_is_open(self):
        mark = self.server.mark()
        ws = await self.meet("/refuse")
        await self.assert_closed(ws, 4000)
        self.server.wait_for_log("gone: ", since=mark)

    async def test_a_close_frame_can_be_answered(self):
        mark = self.server.mark()
        client = self.raw("/close")
        client.send_frame(CLOSE, close_body(1000, b"enough"))
        self.assertEqual(client.recv_frame()[2:], (TEXT, b"wait"))
        self.assertEqual(client.recv_close()[0], 1000)
        self.server.wait_for_log("close says 'enough'", since=mark)
        self.server.wait_for_log("it has gone", since=mark)

    async def test_one_clock_for_everybody(self):
        a, b = await self.meet("/everybody"), await self.meet("/everybody")
        first, second = await self.recv_many(a, 4), await self.recv_many(b, 4)
        numbers = [int(m.split()[1]) for m in first]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 4)))
        self.assertTrue(set(first) & set(second))

    async def test_the_clock_stands_while_nobody_listens(self):
        ws = await self.meet("/alone")
        last = int(await self.recv(ws))
        await ws.close()
        try:
            while True:
                last = int(await self.recv(ws))
        except ConnectionClosed:
            pass
        await asyncio.sleep(0.1)
        ws = await self.meet("/alone")
        self.assertLessEqual(int(await self.recv(ws)), last + 3)

    async def test_a_clock_for_each(self):
        a, b = await self.meet("/each"), await self.meet("/each")
        self.assertEqual(len(set(await self.recv_many(a, 3))), 1)
        self.assertEqual(len(set(await self.recv_many(b, 3)) | {await self.recv(a)}), 2)

    async def test_a_clock_in_a_state(self):
        a, b = await self.meet("/in"), await self.meet("/in")
        await a.send("go")
        self.assertEqual(await self.recv_many(b, 2), ["tick", "tick"])

    async def test_after(self):
        ws = await self.meet("/after")
        self.assertEqual(await self.ask(ws, "x"), "now")
        self.assertEqual(await self.recv_many(ws, 2), ["sooner", "later"])
        await self.assert_silent(ws, 0.05)


class Unmatched(MockCase):
    FILE = """
        taburet: 1
        server:
          routes:
            /json:
              rules:
                - { when: { json: { $.type: subscribe, $.channel: prices } }, reply: ok }
                - { when: { json: { $.type: unsubscribe } }, reply: ok }
            /text:
              rules:
                - { when: hello, reply: ok }
                - { when: hullo, in: start, reply: ok }
            /empty: {}
        """

    async def say(self, path, message):
        ws = await self.meet(path)
        mark = self.server.mark()
        await ws.send(message)
        return self.server.wait_for_log(r"no rule takes the message of #\d+(.*)", since=mark)

    async def test_the_nearest_miss_is_named(self):
        found = await self.say("/json", '{"type": "subscribe", "channel": "trades"}')
        self.assertRegex(found.string, r"mock\.yaml:6: no rule takes")
        self.assertRegex(found.group(1), r'^; the nearest is this one: .*\$\.channel.*trades')

    async def test_what_is_no_json_is_said_to_be_none(self):
        found = await self.say("/json", '{"type": "subscribe",')
        self.assertRegex(found.group(1), "JSON")

    async def test_a_text(self):
        found = await self.say("/text", "hallo\x1b[2J")
        self.assertRegex(found.group(1), r"hello")
        self.assertNotIn("\x1b", found.string)

    async def test_without_rules(self):
        found = await self.say("/empty", "x")
        self.assertRegex(found.string, r"mock\.yaml:\d+: no rule takes the message of #\d+$")

    async def test_a_flood_is_not_told_line_by_line(self):
        ws = await self.meet("/text")
        mark = self.server.mark()
        for i in range(500):
            await ws.send(f"unknown {i}")
        await asyncio.wait_for(await ws.ping(), 10)
        await self.assert_alive(self.server, path="/text")
        self.assertLess(len(self.server.find_log("no rule takes", mark)), 60)
        await asyncio.sleep(1)
        await ws.send("another")
        self.server.wait_for_log(r"\d+ more such lines were left out", since=mark)


class Waiting(MockCase):
    """What waits is bounded, and outlives whoever caused it."""
    FILE = """
        taburet: 1
        server:
          routes:
            /hour: { rules: [{ wait: 1h, reply: late }] }
            /short: { rules: [{ wait: 50ms, broadcast: "${text}" }] }
            /reply: { rules: [{ wait: 50ms, reply: late, broadcast: "broadcast ${text}" }] }
        """

    async def test_a_flood_of_waiting_rules_is_bounded(self):
        client = self.raw("/hour")
        mark = self.server.mark()
        client.send(frame(TEXT, b"x" * 60_000) * 600)
        client.send_frame(PING, b"")
        self.assertEqual(client.recv_frame().opcode, PONG)
        self.server.wait_for_log(r"mock\.yaml:4: what follows is not done \(too much waits already",
                                 since=mark)
        await self.assert_alive(self.server, path="/hour")

    async def test_what_waits_is_done_though_its_sender_has_gone(self):
        a, b = await self.meet("/short"), await self.meet("/short")
        await a.send("from a")
        await a.close()
        await b.send("from b")
        self.assertEqual(await self.recv_many(b, 2), ["from a", "from b"])

    async def test_what_needs_who_has_gone_is_left_out(self):
        a, b = await self.meet("/reply"), await self.meet("/reply")
        await a.send("from a")
        await a.close()
        self.assertEqual(await self.recv(b), "broadcast from a")
        await self.assert_alive(self.server, path="/short")


if __name__ == "__main__":
    unittest.main()
