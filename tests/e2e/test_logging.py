"""What the log shows at each level, and that nothing of a peer reaches a terminal unescaped."""

import asyncio
import json
import subprocess
import unittest

import websockets

from support import LIMIT, PROGRAM, ServerCase
from rawclient import BINARY, CLOSE, PING, TEXT, RawClient, close_body, opened, plain_request


class Levels(ServerCase):
    async def converse(self, server):
        ws = await self.connect(server, "/somewhere")
        await ws.send("the message")
        await self.recv(ws)
        await ws.close(1000)
        server.stop()

    async def test_normally_connections_but_no_messages(self):
        server = self.serve()
        await self.converse(server)
        self.assertTrue(server.find_log(" connected"))
        self.assertFalse(server.find_log("the message"))

    async def test_v_shows_handshakes_and_messages(self):
        server = self.serve("-v")
        await self.converse(server)
        self.assertTrue(server.find_log("/somewhere"))
        self.assertTrue(server.find_log("the message"))

    async def test_vv_shows_frames_too(self):
        plain, verbose = self.serve("-v"), self.serve("-vv")
        await self.converse(plain)
        await self.converse(verbose)
        self.assertGreater(len(verbose.lines()), len(plain.lines()))
        self.assertTrue(verbose.find_log(r"(?i)\bfin\b"))

    async def test_q_shows_only_where_it_listens(self):
        server = self.serve("-q", every="50ms")
        ws = await self.connect(server)
        await ws.send("double")
        await ws.send("ignore")
        await self.recv_many(ws, 5)
        await ws.close()
        server.stop()
        self.assertEqual([line for line in server.lines() if "listening" not in line], [])

    async def test_few_descriptors_are_told(self):
        for threads, most in (("1", 120), ("4", 72)):
            server = self.serve("--threads", threads, nofile=200)
            server.wait_for_log(f"^at most {most} connections: the limit of descriptors is 200, "
                                "see 'ulimit -n'$")
            self.assertTrue(server.lines("out")[0].startswith("listening on "))
        server = self.serve("--max-connections", "7", nofile=200)
        server.stop()
        self.assertEqual(server.find_log("at most"), [])

    async def test_a_refusal_shows_status_and_why(self):
        server = self.serve()
        with RawClient(server) as client:
            client.send(plain_request(path="/health"))
            client.recv_response()
            server.wait_for_log(rf"{client.address}.*426")

    async def test_a_violation_shows_its_section(self):
        server = self.serve()
        with opened(server) as client:
            client.send_frame(TEXT, b"\xff")
            server.wait_for_log(rf"{client.address}.*UTF-8.*8\.1")

    async def test_the_servers_work_goes_on_when_the_logs_reader_has_left(self):
        process = subprocess.Popen([PROGRAM, "serve", "--port", "0", "--every", "20ms"],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.wait, LIMIT)
        self.addCleanup(process.kill)
        port = process.stdout.readline().decode().strip().rsplit(":", 1)[1]
        process.stdout.close()
        ws = await websockets.connect(f"ws://127.0.0.1:{port}", open_timeout=LIMIT)
        self.addAsyncCleanup(ws.close)
        self.assertEqual(await self.recv_many(ws, 5), [f"hello world {n}" for n in range(5)])
        process.terminate()
        await self.assert_closed(ws, 1001)
        self.assertEqual(await asyncio.to_thread(process.wait, LIMIT), 0)


class Json(ServerCase):
    async def test_every_line_is_json_and_the_first_is_the_address(self):
        server = self.serve("--log-format", "json", "-vv")
        first = json.loads(server.lines("out")[0])
        self.assertEqual(first, {"ev": "listening", "url": f"ws://localhost:{server.port}"})
        ws = await self.connect(server)
        await ws.send("hi \u20ac \x1b \" \\")
        await ws.send("ignore")
        await ws.send(b"\xff")
        await self.recv_many(ws, 2)
        await ws.close(1000)
        server.stop()
        events = [json.loads(line) for line in server.lines("out")]
        kinds = [event["ev"] for event in events]
        self.assertTrue({"open", "message", "close", "log", "frame"} <= set(kinds), kinds)
        texts = [event.get("data") for event in events if event["ev"] == "message"]
        self.assertIn("hi \u20ac \x1b \" \\", texts)
        logged = [event["text"] for event in events if event["ev"] == "log"]
        self.assertIn("ignore response", logged)

    async def test_periodic_messages_are_logged(self):
        server = self.serve("--log-format", "json", every="50ms")
        ws = await self.connect(server)
        await self.recv_many(ws, 2)
        server.wait_for_log('"periodic message sent 1 times"')


class Hostile(ServerCase):
    EVIL = ["\x1b[2J\x1b]0;owned\x07", "\x9b31m", "\u202egnp.exe", "\r\nlistening on ws://evil",
            "\x00\x08\x7f", "\u2066\u2069\u200f"]

    async def test_kubectl_25743_nothing_of_a_peer_reaches_a_terminal_unescaped(self):
        server = self.serve("-vv")
        with opened(server) as client:
            for text in self.EVIL:
                client.send_frame(TEXT, text.encode())
                client.send_frame(BINARY, text.encode() + b"\xff\x1b")
                client.send_frame(PING, text.encode()[:100])
            client.send_frame(CLOSE, close_body(3000, "".join(self.EVIL).encode()[:80]
                                                .decode(errors="ignore").encode()))
            client.recv_close()
            client.wait_gone()
            server.wait_for_log(rf"{client.address} disconnected")
        with RawClient(server) as client:
            client.send(plain_request(path="/\x9b\x85", headers=[("Host", "x"),
                                                                 ("X-Evil\x9b", "a\x1b[31m")]))
            client.recv_response()
            server.wait_for_log(rf"{client.address}.*400")
        server.stop()
        output = server.raw_output("out") + b"\n" + server.raw_output("err")
        text = output.decode("utf-8")  # whole lines of valid UTF-8
        bad = {c for c in text if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"
               or c in "\u200e\u200f\u061c" or "\u202a" <= c <= "\u202e"
               or "\u2066" <= c <= "\u2069"}
        self.assertEqual(bad, set())
        self.assertEqual([url for url in server.urls() if "evil" in url], [])


if __name__ == "__main__":
    unittest.main()
