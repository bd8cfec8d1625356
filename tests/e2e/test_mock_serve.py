"""taburet serve FILE: where it is served, and how it begins and ends."""

import asyncio
import os
import pathlib
import socket
import subprocess
import unittest

from certificates import Authority
from mocking import MockCase, yaml
from rawclient import RawClient, TEXT
from support import (LIMIT, MIB, PROGRAM, ROOT, SCALE, json_lines, make_certificate,
                     run_program, trusting, unjudged_when_sanitized, wait_until)
import websockets

ECHO = """
    taburet: 1
    server:
      rules: [{ reply: "${text}" }]
    """


class Places(MockCase):
    async def reply_at(self, url, text="x", **settings):
        async with websockets.connect(url, open_timeout=LIMIT, **settings) as ws:
            return await self.ask(ws, text)

    async def test_the_file_says_where(self):
        folder = self.temp_dir()
        make_certificate(folder)
        (folder / "mock.yaml").write_text(yaml("""
            taburet: 1
            server:
              listen: [ws://127.0.0.1:0, wss://127.0.0.1:0/]
              tls: { cert: localhost.pem, key: localhost.key }
              rules: [{ reply: "${text}" }]
            """))
        server = self.serve(str(folder / "mock.yaml"), port=None)
        server.wait_for_log("listening on wss")
        plain, secure = server.urls()
        self.assertEqual((plain[:15], secure[:16]), ("ws://127.0.0.1:", "wss://127.0.0.1:"))
        self.assertEqual(await self.reply_at(plain), "x")
        tls = trusting(str(folder / "localhost.pem"))
        self.assertEqual(await self.reply_at(secure, ssl=tls), "x")

    async def test_a_client_needs_a_certificate_where_the_file_says_so(self):
        folder = self.temp_dir()
        authority = Authority(folder)
        cert, key = authority.issue("server")
        mine = authority.issue("client")
        text = f"""
            taburet: 1
            server:
              listen: wss://127.0.0.1:0
              tls: {{ cert: {cert.name}, key: {key.name}, client_ca: ca.pem }}
              rules: [{{ reply: "${{text}}" }}]
            """
        (folder / "mock.yaml").write_text(yaml(text))
        server = self.serve(str(folder / "mock.yaml"), port=None)
        tls = trusting(str(authority.cert))
        with self.assertRaises((OSError, websockets.exceptions.WebSocketException,
                                asyncio.IncompleteReadError)):
            await self.reply_at(server.first_url, ssl=tls)
        tls.load_cert_chain(*map(str, mine))
        self.assertEqual(await self.reply_at(server.first_url, ssl=tls), "x")

    async def test_the_command_line_is_stronger(self):
        server = self.mock("""
            taburet: 1
            server: { listen: ws://192.0.2.1:1, rules: [{ reply: "${text}" }] }
            """)
        self.assertEqual(await self.reply_at(server.url()), "x")

    async def test_several_files_are_several_servers(self):
        folder = self.temp_dir()
        text = """
            taburet: 1
            server:
              listen: ws://127.0.0.1:0
              rules:
                - { when: all, broadcast: "%s ${n}" }
                - { when: id, reply: "${conn.id}" }
                - { every: 10ms, log: "clock %s" }
            """
        for name in ("a", "b"):
            (folder / f"{name}.yaml").write_text(yaml(text % (name, name)))
        for threads in ("1", "3"):
            server = self.serve(str(folder / "a.yaml"), str(folder / "b.yaml"), "--threads",
                                threads, port=None, every=None)
            server.wait_for_log("listening", count=2)
            peers = []
            for url in server.urls() * 3:
                ws = await websockets.connect(url, open_timeout=LIMIT)
                self.addAsyncCleanup(ws.close)
                peers.append(ws)
            for ws in peers[:2]:
                await ws.send("all")
            for n, ws in enumerate(peers):
                self.assertEqual(await self.recv(ws), "ab"[n % 2] + " 0")
            ids = [await self.ask(ws, "id") for ws in peers]
            self.assertEqual(len(set(ids)), 6)
            server.wait_for_log("clock a")
            server.wait_for_log("clock b")
            mark = server.mark()
            (folder / "b.yaml").write_text(yaml(text % ("new b", "b") + "# changed\n"))
            server.wait_for_log("is in force", since=mark)
            await peers[0].send("all")
            await peers[1].send("all")
            self.assertEqual([await self.recv(peers[0]), await self.recv(peers[1])],
                             ["a 1", "new b 0"])
            (folder / "b.yaml").write_text(yaml(text % ("b", "b")))
            server.wait_for_log("is in force", since=mark, count=2)

    def test_what_cannot_be_together(self):
        folder = self.temp_dir()
        paths = []
        for name in ("a", "b"):
            paths.append(str(folder / f"{name}.yaml"))
            pathlib.Path(paths[-1]).write_text(yaml(ECHO))
        for args, why in (((*paths, "--port", "0"), "several files are several servers"),
                          ((*paths, "--record", "x"), "several files are several servers"),
                          ((paths[0], "--echo"), "exclude each other")):
            done = run_program("serve", *args)
            self.assertEqual((done.returncode, why in done.stderr), (2, True), done.stderr)

    async def test_the_file_says_where_it_is_recorded(self):
        server = self.mock("""
            taburet: 1
            server:
              record: mock.jsonl
              rules: [{ reply: "${text}", log: said }]
              faults: [{ id: twice, enabled: yes, then: duplicate }]
            """)
        ws = await self.connect(server)
        await ws.send("hi")
        self.assertEqual(await self.recv_many(ws, 2), ["hi", "hi"])
        await ws.close()
        server.wait_for_log("disconnected")
        server.stop()
        events = json_lines((server.path.parent / "mock.jsonl").read_bytes())
        self.assertEqual(events[0]["kind"], "recording")
        said = [(e["ev"], e.get("from"), e.get("data", e.get("text", e.get("id"))))
                for e in events[1:]]
        self.assertEqual([s for s in said if s[0] == "message"],
                         [("message", "client", "hi"), ("message", "server", "hi"),
                          ("message", "server", "hi")])
        self.assertIn(("log", None, "said"), said)
        self.assertIn(("fault", None, "twice"), said)


class Options(MockCase):
    def test_print_article(self):
        done = subprocess.run([PROGRAM, "serve", "--print-article"], capture_output=True,
                              timeout=LIMIT, check=True)
        self.assertEqual(done.stdout, (ROOT / "examples" / "article.yaml").read_bytes())

    async def test_what_is_printed_can_be_served(self):
        path = self.temp_dir() / "my.yaml"
        path.write_bytes(subprocess.run([PROGRAM, "serve", "--print-article"], timeout=LIMIT,
                                        capture_output=True, check=True).stdout)
        server = self.serve(str(path))
        ws = await self.connect(server)
        await ws.send("double x")
        self.assertEqual(await self.recv_many(ws, 2), ["double x #1", "double x #2"])

    def test_what_is_made_of_a_recording_is_printed(self):
        recording = ROOT / "tests" / "format" / "from" / "server.jsonl"
        done = run_program("serve", "--from", str(recording), "--print")
        expected = recording.with_name("server.mock.yaml").read_text().splitlines()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines()[1:], expected[1:])  # the first names the file
        done = run_program("serve", "--print")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'--print' is for the file that '--from RECORDING' makes", done.stderr)

    def test_two_files_on_one_port(self):
        paths = [self.temp_dir() / name for name in ("one.yaml", "two.yaml")]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for path, host in zip(paths, ("127.0.0.1", "localhost")):
            path.write_text(f"taburet: 1\nserver:\n  listen: ws://{host}:{port}\n  rules: []\n")
        done = run_program("serve", *map(str, paths))
        self.assertEqual(done.returncode, 1)
        self.assertIn("the port is taken", done.stderr)
        self.assertIn(f"'{paths[0]}' already listens there", done.stderr)

    async def test_every(self):
        text = """
            taburet: 1
            server: { rules: [{ every: 1h, broadcast: "${n}" }, { every: 1h, reply: own }] }
            """
        ws = await self.connect(self.mock(text, every="15ms"))
        self.assertEqual(set(await self.recv_many(ws, 8)) & {"0", "1", "own"}, {"0", "1", "own"})
        ws = await self.connect(self.mock(text.replace("1h", "5ms"), every="0"))
        await self.assert_silent(ws, 0.05)

    def test_var(self):
        path = self.temp_dir() / "mock.yaml"
        path.write_text("taburet: 1\nvars: { token: a }\n"
                        "server: { rules: [{ reply: '${token}' }] }\n")
        for var, why in (("tokn=1", "the file has no variable 'tokn' (did you mean 'token'?)"),
                         ("token", "a variable is set as NAME=VALUE, not 'token'")):
            for verb in ("serve", "check"):
                done = run_program(verb, "--var", var, str(path))
                self.assertEqual((done.returncode, why in done.stderr), (2, True), done.stderr)

    def test_a_file_without_a_server(self):
        path = self.temp_dir() / "mock.yaml"
        path.write_text("taburet: 1\nscenarios: []\n")
        done = run_program("serve", str(path))
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no 'server' in ", done.stderr)

    def test_check(self):
        path = self.temp_dir() / "mock.yaml"
        path.write_text(yaml(ECHO))
        done = run_program("check", str(path))
        self.assertEqual((done.returncode, done.stdout), (0, f"{path} is right: 1 route, 1 rule\n"))
        done = run_program("check", "--quiet", str(path))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        done = run_program("check")
        self.assertEqual((done.returncode, "which file?" in done.stderr), (2, True))
        wrong = path.with_name("wrong.yaml")
        wrong.write_text("taburet: 2\n")
        done = run_program("check", str(wrong), str(path))
        self.assertEqual(done.returncode, 2)
        self.assertIn("wrong.yaml:1:10: error: the format's version is 1, not '2'", done.stderr)
        self.assertIn("is right", done.stdout)


class Ends(MockCase):
    TEXT = """
        taburet: 1
        server:
          rules:
            - { every: 5ms, broadcast: tick }
            - { every: 5ms, reply: own }
            - { every: 1h, log: never }
            - { after: 1h, reply: never }
            - { when: wait, wait: 1h, reply: never }
            - { when: stall, stall: yes }
            - { at: close, log: "left: ${conn.id}", broadcast: gone }
            - { reply: "${text}" }
          faults:
            - { id: late, enabled: yes, when: { starts: late }, delay: 1h }
            - { id: heard, enabled: yes, when: { from: client, starts: heard }, delay: 1h }
            - { id: swap, enabled: yes, when: { starts: swap }, then: reorder }
        """

    async def test_sigterm_amid_everything_ends_in_time(self):
        for threads in ("1", "4"):
            server = self.mock(self.TEXT, "--threads", threads)
            peers = [await self.connect(server) for _ in range(8)]
            for ws in peers:
                for text in ("wait", "late", "heard", "swap", "x"):
                    await ws.send(text)
            await peers[0].send("stall")
            await asyncio.wait_for(await peers[1].ping(), LIMIT)
            began = asyncio.get_running_loop().time()
            server.send_signal()
            for ws in peers[1:]:
                await self.assert_closed(ws, 1001)
            await asyncio.to_thread(server.wait)
            self.assertLess(asyncio.get_running_loop().time() - began, 3 * SCALE)
            self.assertEqual(len(server.find_log("left: ")), 8)

    async def test_a_second_signal_ends_it_at_once(self):
        server = self.mock(self.TEXT)
        client = self.raw("/", server=server)
        for text in (b"wait", b"late", b"heard", b"swap"):
            client.send_frame(TEXT, text)
        await self.assert_alive(server)
        server.send_signal()
        server.wait_for_log("stopping")
        server.send_signal()
        server.expected_exit = 130
        self.assertEqual(server.wait(), 130)

    @unjudged_when_sanitized
    async def test_a_thousand_connects_leave_nothing_behind(self):
        server = self.mock(self.TEXT)
        keep = self.raw("/", server=server)

        def come_and_go(n):
            with RawClient(server) as client:
                client.upgrade(path=f"/?n={n}")
                for text in (b"wait", b"late", b"heard", b"swap", b"x"):
                    client.send_frame(TEXT, text)
                if n % 2:
                    client.reset()

        def settle(count):
            wait_until(lambda: len(server.find_log(" disconnected")) == count, "all have left")
        for n in range(300):
            come_and_go(n)
        settle(300)
        descriptors, memory = server.descriptors(), server.private_memory()
        for n in range(1000):
            come_and_go(n)
        settle(1300)
        self.assertEqual(server.descriptors(), descriptors)
        self.assertLess(server.private_memory() - memory, MIB)
        keep.close()


class HostileFiles(MockCase):
    """SECURITY: bad files are refused with FILE:LINE:COLUMN, and exit code 2."""

    def refuse(self, content, place, why):
        path = self.temp_dir() / "bad.yaml"
        path.write_bytes(content)
        for verb in ("serve", "check"):
            done = run_program(verb, str(path))
            self.assertEqual(done.returncode, 2, done.stderr[:500])
            self.assertRegex(done.stderr[:3000], rf"bad\.yaml:{place}: error: .*{why}")
            self.assertLess(len(done.stderr), 5000)
            self.assertNotRegex(done.stderr, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

    def test_bytes_that_no_file_should_have(self):
        good = yaml(ECHO).encode()
        self.refuse(good + b"a\x00b: c\n", "4:2", "")
        self.refuse(good + b"# \xff\xfe\n", "4:3", "UTF-8")
        self.refuse(good + b"x: \x1b[31m\n", "4:4", "")
        self.refuse(b"\xff\xfet\x00a\x00", "1:1", "")
        self.refuse(b"\x7fELF" + bytes(range(256)) * 10, r"1:\d+", "")

    def test_shapes_that_no_file_should_have(self):
        self.refuse(b"taburet: 1\nserver: " + b"[" * 100_000 + b"]" * 100_000, r"2:\d+", "64")
        self.refuse(b"taburet: 1\nserver: " + b"{a: " * 100_000, r"2:\d+", "64")
        self.refuse(b"taburet: 1\nserver:\n  rules: []\n  rules: []\n", "4:3", "twice")
        self.refuse(b"taburet: 1\nx: &a [1]\n" + b"y: [" + b"*a," * 600_000 + b"]\n", r"\d+:\d+",
                    "")
        self.refuse(b"taburet: 1\n<<: { a: b }\n", "2:1", "")
        self.refuse(b"taburet: !!int 1\n", r"1:\d+", "")

    def test_bom_and_crlf_are_harmless(self):
        path = self.temp_dir() / "good.yaml"
        path.write_bytes(b"\xef\xbb\xbf" + yaml(ECHO).replace("\n", "\r\n").encode())
        done = run_program("check", str(path))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_what_is_no_file(self):
        folder = self.temp_dir()
        os.mkfifo(folder / "fifo")
        huge = folder / "huge.yaml"
        with huge.open("wb") as file:
            file.truncate(1024 * MIB)
        for path in (folder, folder / "fifo", huge, folder / "absent", pathlib.Path("/dev/zero")):
            for verb in ("serve", "check"):
                done = run_program(verb, str(path))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, str(path))

    async def test_patterns_that_never_end_are_given_up(self):
        server = self.mock("""
            taburet: 1
            server:
              rules:
                - { when: { regex: "^(a+)+$" }, reply: matched }
                - { reply: next }
            """)
        ws = await self.connect(server)
        self.assertEqual(await self.ask(ws, "a" * 60 + "b"), "next")
        server.wait_for_log("a regex was given up")
        self.assertEqual(await self.ask(ws, "aaa"), "matched")

    async def test_templates_that_grow_without_end_are_given_up(self):
        server = self.mock("""
            taburet: 1
            server:
              rules:
                - when: { starts: grow }
                  set: { x: "${x:-0123456789}${x:-}${x:-}${x:-}" }
                  reply: grown
            """)
        ws = await self.connect(server)
        for _ in range(30):
            self.assertEqual(await self.ask(ws, "grow"), "grown")
        server.wait_for_log("the text could not be made")


if __name__ == "__main__":
    unittest.main()
