"""taburet serve FILE: a changed file is in force, and connections stay."""

import asyncio
import os
import unittest

from mocking import MockCase, yaml
from rawclient import PING, PONG, TEXT

IN_FORCE = "the file has changed, and is in force"
WRONG = "the file has changed, but is wrong: the old one stays in force"

FIRST = """
    taburet: 1
    server:
      rules: [{ reply: "one: ${text}" }]
    """
SECOND = """
    taburet: 1
    server:
      rules: [{ reply: "two: ${text}" }]
    """


class Reload(MockCase):
    def change(self, server, text, expect=IN_FORCE):
        mark = server.mark()
        server.path.write_text(yaml(text))
        server.wait_for_log(expect, since=mark)
        return mark

    async def test_what_a_link_leads_to_is_seen(self):
        folder = self.temp_dir()
        target = folder / "elsewhere" / "real.yaml"
        target.parent.mkdir()
        target.write_text(yaml(FIRST))
        link = folder / "mock.yaml"
        link.symlink_to(target)
        server = self.serve(str(link), every=None)
        ws = await self.connect(server)
        mark = server.mark()
        target.write_text(yaml(SECOND))
        server.wait_for_log(IN_FORCE, since=mark)
        self.assertEqual(await self.ask(ws, "x"), "two: x")

    async def test_connections_stay_and_rules_change(self):
        server = self.mock(FIRST)
        ws = await self.connect(server)
        self.assertEqual(await self.ask(ws, "x"), "one: x")
        self.change(server, SECOND)
        self.assertEqual(await self.ask(ws, "x"), "two: x")
        self.change(server, FIRST)
        self.assertEqual(await self.ask(ws, "x"), "one: x")

    async def test_editors_have_their_ways(self):
        server = self.mock(FIRST)
        ws = await self.connect(server)
        path = server.path

        def rename_over(text):
            new = path.with_suffix(".tmp")
            new.write_text(text)
            os.replace(new, path)

        def backup_first(text):
            os.replace(path, path.with_suffix(".yaml~"))
            path.write_text(text)

        def in_pieces(text):
            with path.open("w") as file:
                for line in text.splitlines(True):
                    file.write(line)
                    file.flush()

        def in_place(text):
            with path.open("r+") as file:
                file.write(text)
                file.truncate()
        for n, save in enumerate((rename_over, backup_first, in_pieces, in_place, rename_over)):
            mark = server.mark()
            save(yaml(FIRST).replace("one", f"way {n}"))
            server.wait_for_log(IN_FORCE, since=mark)
            self.assertEqual(await self.ask(ws, "x"), f"way {n}: x")
            self.assertFalse(server.find_log("wrong", mark))

    async def test_what_has_not_changed_is_not_loaded(self):
        server = self.mock("""
            taburet: 1
            server:
              rules: [{ reply: "${n}" }]
            """)
        ws = await self.connect(server)
        self.assertEqual(await self.ask(ws, "x"), "0")
        os.utime(server.path)
        server.path.write_text(server.path.read_text())
        server.path.with_name("other.yaml").write_text("something else")
        await asyncio.sleep(0.15)
        self.assertEqual(await self.ask(ws, "x"), "1")
        self.assertFalse(server.find_log("has changed"))

    async def test_a_broken_file_is_told_and_the_old_one_stays(self):
        server = self.mock(FIRST)
        ws = await self.connect(server)
        mark = self.change(server, "taburet: 1\nserver:\n  rules:\n    - repyl: x\n", WRONG)
        server.wait_for_log(r"mock\.yaml:4:7: error: unknown key 'repyl' in a rule \(did you mean "
                            r"'reply'\?\)", since=mark)
        server.wait_for_log(r"^ *\^$", since=mark)
        self.assertEqual(await self.ask(ws, "x"), "one: x")
        mark = self.change(server, "taburet: 1\nscenarios: []\n", WRONG)
        server.wait_for_log("there is no 'server' in", since=mark)
        mark = server.mark()
        server.path.write_bytes(b"taburet: 1\nserver:\n\x00\xff\x1b[31m\n")
        server.wait_for_log(WRONG, since=mark)
        server.wait_for_log(r"mock\.yaml:3:1: error", since=mark)
        self.assertEqual(await self.ask(ws, "x"), "one: x")
        self.change(server, SECOND)
        self.assertEqual(await self.ask(ws, "x"), "two: x")

    async def test_a_file_that_is_gone_is_told(self):
        server = self.mock(FIRST)
        ws = await self.connect(server)
        server.path.unlink()
        server.wait_for_log("cannot read '.*mock.yaml'")
        self.assertEqual(await self.ask(ws, "x"), "one: x")
        self.change(server, SECOND)
        self.assertEqual(await self.ask(ws, "x"), "two: x")

    async def test_variables_and_states_are_kept_by_their_names(self):
        server = self.mock("""
            taburet: 1
            server:
              rules:
                - { when: { starts: "I am " }, set: { a: "${text}", name: "${text}" }, goto: known, reply: hello }
                - { in: known, reply: "known: ${name}" }
                - { reply: unknown }
            """)
        a, b = await self.connect(server), await self.connect(server)
        self.assertEqual(await self.ask(a, "I am bob"), "hello")
        self.change(server, """
            taburet: 1
            vars: { other: one }
            server:
              rules:
                - { when: go, goto: elsewhere }
                - { when: again, goto: known }
                - { in: elsewhere, reply: "elsewhere" }
                - { in: known, reply: "still known: ${name} ${other}" }
                - { when: { contains: never }, set: { name: x } }
                - { reply: still unknown }
            """)
        self.assertEqual(await self.ask(a, "x"), "still known: I am bob one")
        self.assertEqual(await self.ask(b, "x"), "still unknown")
        await b.send("go")
        self.change(server, FIRST.replace("one:", "one ${other:-}:").replace(
            "rules: [", "rules: [{ when: set, set: { other: x } }, "))
        self.assertEqual([await self.ask(a, "x"), await self.ask(b, "x")], ["one : x", "one : x"])

    async def test_rooms_are_kept(self):
        text = """
            taburet: 1
            server:
              rules:
                - { when: join, join: lobby, reply: joined }
                - { send: "%s ${text}", to: room lobby }
            """
        server = self.mock(text % "one")
        a, b = await self.connect(server), await self.connect(server)
        self.assertEqual(await self.ask(a, "join"), "joined")
        self.change(server, text % "two")
        await b.send("x")
        self.assertEqual(await self.recv(a), "two x")

    async def test_counts_and_faults_begin_anew(self):
        text = """
            taburet: 1
            server:
              faults: [{ id: lost, then: drop }]
              rules:
                - { when: on, fault: { enable: lost } }
                - { when: { starts: limited, times: 1 }, reply: "limited %s" }
                - { reply: "${n} %s" }
            """
        server = self.mock(text % ("a", "a"))
        ws = await self.connect(server)
        self.assertEqual(await self.ask_all(ws, "x", "limited", "limited"),
                         ["0 a", "limited a", "1 a"])
        await ws.send("on")
        self.change(server, text % ("b", "b"))
        self.assertEqual(await self.ask_all(ws, "x", "limited", "limited"),
                         ["0 b", "limited b", "1 b"])

    async def test_clocks_are_those_of_the_new_file(self):
        server = self.mock("""
            taburet: 1
            server:
              rules: [{ every: 10ms, broadcast: old }, { every: 10ms, reply: own old }]
            """)
        ws = await self.connect(server)
        self.assertEqual(set(await self.recv_many(ws, 4)), {"old", "own old"})
        self.change(server, """
            taburet: 1
            server:
              rules: [{ every: 10ms, broadcast: new }]
            """)
        await asyncio.wait_for(await ws.ping(), 10)
        ws.messages.clear()
        self.assertEqual(set(await self.recv_many(ws, 4)), {"new"})

    async def test_after_comes_once_however_often_the_file_changes(self):
        text = """
            taburet: 1
            server:
              rules:
                - { after: 1ms, reply: soon %s }
                - { after: 1ms..5ms, reply: by chance %s }
                - { after: 1500ms, reply: late %s }
                - { reply: "${text} %s" }
            """
        server = self.mock(text % ("a", "a", "a", "a"))
        ws = await self.connect(server)
        self.assertEqual(set(await self.recv_many(ws, 2)), {"soon a", "by chance a"})
        for name in "bcd":
            self.change(server, text % (name, name, name, name))
        self.assertEqual(await self.ask(ws, "x"), "x d")
        began = asyncio.get_running_loop().time()
        self.assertEqual(await self.recv(ws), "late d")
        self.assertLess(asyncio.get_running_loop().time() - began, 1.45)
        self.assertEqual(await self.ask(ws, "y"), "y d")

    async def test_what_waits_goes_on_as_it_was(self):
        text = """
            taburet: 1
            server:
              rules:
                - do:
                    - { reply: "%s 1" }
                    - { wait: 150ms }
                    - { reply: "%s ${text}" }
                    - { set: { name: x } }
                    - { wait: 100ms }
                    - { reply: "%s 3" }
                    - { wait: 20ms }
                    - { broadcast: "%s ${text}" }
            """
        server = self.mock(FIRST)
        ws = await self.connect(server)
        self.change(server, text % (("old",) * 4))
        await ws.send("2")
        self.assertEqual(await self.recv(ws), "old 1")
        self.change(server, text % (("new",) * 4))
        self.change(server, FIRST)
        self.assertEqual(await self.recv_many(ws, 3), ["old 2", "old 3", "old 2"])
        self.assertEqual(await self.ask(ws, "x"), "one: x")

    async def test_what_a_fault_holds_back_outlives_the_file(self):
        server = self.mock("""
            taburet: 1
            server:
              faults:
                - { id: late, enabled: yes, delay: 150ms }
                - { id: heard, enabled: yes, when: { from: client, starts: heard }, delay: 150ms }
              rules:
                - { when: shaped, reply: { text: abcdef, fragment: [1, 2] } }
                - { reply: "old ${text}" }
            """)
        client = self.raw("/", server=server)
        for text in (b"shaped", b"plain", b"heard"):
            client.send_frame(TEXT, text)
        client.send_frame(PING, b"")
        self.assertEqual(client.recv_frame().opcode, PONG)
        self.change(server, FIRST)
        client.send_frame(TEXT, b"new")
        got = [client.recv_frame().payload for _ in range(6)]
        self.assertEqual(got[:4], [b"a", b"bc", b"def", b"old plain"])
        self.assertEqual(got[4:], [b"one: heard", b"one: new"])

    async def test_routes_come_and_go(self):
        server = self.mock("""
            taburet: 1
            server:
              routes:
                /a: { rules: [{ reply: a }, { every: 5ms, reply: tick }] }
                /b: { rules: [{ reply: b }, { every: 5ms, broadcast: tock }] }
            """, every="1h")
        a, b = await self.connect(server, "/a"), await self.connect(server, "/b")
        self.change(server, """
            taburet: 1
            server:
              routes:
                /c: { rules: [{ reply: c }] }
                /b: { rules: [{ reply: new b }] }
            """)
        c = await self.connect(server, "/c")
        await a.send("nobody hears this")
        self.assertEqual([await self.ask(b, "x"), await self.ask(c, "x")], ["new b", "c"])
        self.change(server, """
            taburet: 1
            server:
              routes:
                /a: { rules: [{ at: close, log: a has left }, { reply: "a again" }] }
            """)
        self.assertEqual(await self.ask(a, "x"), "a again")
        await b.close()
        await a.close()
        server.wait_for_log("a has left")

    async def test_handshakes_that_wait_meet_the_new_file(self):
        server = self.mock("""
            taburet: 1
            server:
              routes:
                /a: { handshake: [{ accept: { delay: 300ms, protocols: [p], headers: { x-a: b } } }] }
            """)
        asking = asyncio.ensure_future(self.connect(server, "/a", subprotocols=["p"]))
        await asyncio.sleep(0.05)
        self.change(server, SECOND.replace("rules:", "routes: { /b: { } }").replace(
            ' [{ reply: "two: ${text}" }]', ""))
        ws = await asking
        self.assertEqual((ws.subprotocol, ws.response_headers["x-a"]), ("p", "b"))
        await self.assert_closed(ws, 1008, "the server has changed")

    async def test_what_needs_a_start_is_told(self):
        server = self.mock(FIRST)
        ws = await self.connect(server)
        self.change(server, SECOND.replace("server:", "server:\n      listen: ws://localhost:4001"),
                    "in force, but for 'listen', 'tls' and 'record', which are read at the start")
        self.assertEqual(await self.ask(ws, "x"), "two: x")

    async def test_a_bare_name(self):
        folder = self.temp_dir()
        (folder / "bare.yaml").write_text(yaml(FIRST))
        here = os.getcwd()
        os.chdir(folder)
        try:
            server = self.serve("bare.yaml", every=None)
        finally:
            os.chdir(here)
        ws = await self.connect(server)
        server.path = folder / "bare.yaml"
        self.change(server, SECOND)
        self.assertEqual(await self.ask(ws, "x"), "two: x")

    async def test_vars_of_the_command_line_are_set_again(self):
        text = """
            taburet: 1
            vars: { who: file }
            server: { rules: [{ reply: "%s ${who}" }] }
            """
        server = self.mock(text % "one", "--var", "who=line")
        ws = await self.connect(server)
        self.change(server, text % "two")
        self.assertEqual(await self.ask(ws, "x"), "two line")
        mark = self.change(server, SECOND, WRONG)
        server.wait_for_log("the file has no variable 'who'", since=mark)

    async def test_many_changes_leave_nothing_behind(self):
        server = self.mock(FIRST)
        peers = await self.connect_many(server, 4)
        before = server.descriptors()
        for n in range(15):
            self.change(server, f"""
                taburet: 1
                server:
                  rules: [{{ reply: "try {n}: ${{text}}" }}]
                  routes: {{ "/{n}": {{ rules: [{{ every: 1h, broadcast: x }}] }} }}
                """)
            self.assertEqual([await self.ask(ws, "x") for ws in peers], [f"try {n}: x"] * 4)
        self.assertEqual(server.descriptors(), before)


if __name__ == "__main__":
    unittest.main()
