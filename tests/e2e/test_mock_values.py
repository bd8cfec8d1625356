"""taburet serve FILE: what templates say, and chance that can be had again."""

import asyncio
import json
import unittest

from mocking import MockCase
from support import LIMIT


class Values(MockCase):
    ARGS = ("--var", "from_outside=set outside", "--var", "empty=")
    FILE = """
        taburet: 1
        vars: { inside: set inside, from_outside: unset, empty: full, price: "2.5" }
        server:
          routes:
            /echo/{name}/x:
              rules:
                - { when: { starts: "json " }, reply: "${json.a}" }
                - { when: { contains: "{" }, reply: "${json.user.name} ${json.list[1]} ${json.list[-1]}" }
                - { when: vars, reply: "${inside}|${from_outside}|${empty}|${price}" }
                - { when: peer, reply: "${path.name}|${query.q}|${header.x-test}|${query.none:-no q}" }
                - { when: env, reply: "${env.HOME}|${env.TABURET_NOT_SET:-unset}" }
                - { when: { regex: "^sum (?<a>[0-9.]+) (?<b>[0-9.]+)$" },
                    reply: "${a + b} ${a - b} ${a * b} ${a / b} ${a % b}" }
                - { when: literal, reply: "$${text} $$ ${text}" }
                - { when: count, reply: "${n}" }
                - { when: zero, reply: "${1 / 0:-no number} ${header.none:-nothing}" }
                - { when: missing, reply: "<${header.none}>" }
                - { when: uuid, reply: "${uuid}" }
                - { when: now, reply: "${now} ${now.ms}" }
                - { when: fake, reply: "${fake.name}|${fake.email}|${fake.word}|${fake.int(1,6)}|${fake.float(0,1)}|${random(1,6)}" }
                - { when: { type: binary, size: 2 }, reply: "two: ${text}" }
                - { when: { type: binary }, reply: { text: "${text}", binary: no } }
            /bytes:
              rules:
                - { when: { type: binary }, broadcast: "${text}" }
        """

    async def asyncSetUp(self):
        self.ws = await self.meet("/echo/b%20b/x?q=1%2B1", extra_headers={"X-Test": "yes"})

    async def test_json(self):
        said = json.dumps({"user": {"name": "bob"}, "list": [1, {"a": "b"}, True]})
        self.assertEqual(await self.ask(self.ws, said), 'bob {"a": "b"} true')

    async def test_variables(self):
        self.assertEqual(await self.ask(self.ws, "vars"), "set inside|set outside||2.5")

    async def test_the_peer(self):
        self.assertEqual(await self.ask(self.ws, "peer"), "b b|1+1|yes|no q")

    async def test_the_environment(self):
        self.assertRegex(await self.ask(self.ws, "env"), r"^/.*\|unset$")

    async def test_arithmetic(self):
        self.assertEqual(await self.ask(self.ws, "sum 7 2"), "9 5 14 3.5 1")
        self.assertEqual(await self.ask(self.ws, "sum 1.5 0.5"), "2 1 0.75 3 0")

    async def test_dollars(self):
        self.assertEqual(await self.ask(self.ws, "literal"), "${text} $$ literal")

    async def test_n_counts_for_all_connections(self):
        other = await self.meet("/echo/other/x")
        self.assertEqual([await self.ask(self.ws, "count"), await self.ask(other, "count"),
                          await self.ask(self.ws, "count")], ["0", "1", "2"])

    async def test_what_has_no_value_is_told(self):
        self.assertEqual(await self.ask(self.ws, "zero"), "no number nothing")
        mark = self.server.mark()
        self.assertEqual(await self.ask(self.ws, "missing"), "<>")
        self.server.wait_for_log(r"mock\.yaml:17: \$\{header\.none\} has no value here", since=mark)

    async def test_made_up(self):
        self.assertRegex(await self.ask(self.ws, "uuid"),
                         r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertRegex(await self.ask(self.ws, "now"), r"^\d{4}-\d\d-\d\dT[\d:.]+Z \d{13}$")
        name, email, word, whole, real, dice = (await self.ask(self.ws, "fake")).split("|")
        self.assertRegex(f"{name} {email} {word}", r"^\w+ \w+ \S+@\S+ \w+$")
        self.assertTrue(1 <= int(whole) <= 6 and 0 <= float(real) <= 1 and 1 <= int(dice) <= 6)

    async def test_binary_messages_through_text(self):
        self.assertEqual(await self.ask(self.ws, b"hi"), b"two: hi")
        self.assertEqual(await self.ask(self.ws, b"text now"), "text now")
        mark = self.server.mark()
        await self.ws.send(b"\xff\xfe\xfd")
        self.server.wait_for_log("nothing is sent: the text is not UTF-8", since=mark)
        a, b = await self.meet("/bytes"), await self.meet("/bytes")
        await a.send(bytes(range(256)))
        self.assertEqual([await self.recv(a), await self.recv(b)], [bytes(range(256))] * 2)



class Large(MockCase):
    ARGS = ("--max-message-size", "1M")
    FILE = f"""
        taburet: 1
        server:
          rules:
            - {{ when: {{ starts: s }}, set: {{ a: "{'${text}' * 40}" }} }}
            - {{ reply: "{'${text}' * 40}" }}
        """

    async def test_what_comes_to_too_much_is_told(self):
        ws = await self.meet("/")
        for first, what in (("s", "the text could not be made"), ("r", "nothing is sent")):
            mark = self.server.mark()
            await ws.send(first * 500000)
            self.server.wait_for_log(rf"{what} \(it came to more than 16 MiB\)", since=mark)


class Chance(MockCase):
    TEXT = """
        taburet: 1
        server:
          rules:
            - { when: { chance: 40%, starts: may }, reply: "yes ${random(1,1000000)}" }
            - { reply: "no ${uuid} ${fake.name}" }
          faults:
            - { id: sometimes, enabled: yes, chance: 50%, then: duplicate }
        """

    async def run_of(self, *args, text=TEXT):
        server = self.mock(text, *args)
        ws = await self.connect(server)
        for _ in range(20):
            await ws.send("maybe")
        await asyncio.wait_for(await ws.ping(), LIMIT)  # the pong comes behind all answers
        await ws.close()
        return server, [m async for m in ws]

    async def test_the_same_seed_is_the_same_run(self):
        server, first = await self.run_of("--seed", "42")
        self.assertFalse(server.find_log("seed"))
        _, second = await self.run_of("--seed", "42")
        _, other = await self.run_of("--seed", "43")
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)
        self.assertTrue(any(m.startswith("yes") for m in first) and len(first) > 20)

    async def test_the_seed_may_stand_in_the_file(self):
        text = self.TEXT.replace("taburet: 1", "taburet: 1\n        seed: 42")
        _, first = await self.run_of("--seed", "42")
        server, second = await self.run_of(text=text)
        self.assertEqual(first, second)
        self.assertFalse(server.find_log("seed"))
        _, other = await self.run_of("--seed", "7", text=text)
        self.assertNotEqual(first, other)

    async def test_a_seed_that_nobody_gave_is_told(self):
        server, first = await self.run_of()
        seed = server.wait_for_log(r"seed (\d+)").group(1)
        _, second = await self.run_of("--seed", seed)
        self.assertEqual(first, second)


if __name__ == "__main__":
    unittest.main()
