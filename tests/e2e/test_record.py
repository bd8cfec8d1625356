"""--record: JSON lines as the recording format says, in a file of one's own."""

import asyncio
import os
import re
import socket
import stat
import subprocess
import unittest

import websockets

from support import LIMIT, PROGRAM, ServerCase, json_lines, run_program, wait_until
from rawclient import (BINARY, CLOSE, CONTINUATION, PING, TEXT, RawClient, close_body, frame,
                       opened, plain_request)


def is_listening(path):
    """The file is there a moment before anybody listens on it."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


class Record(ServerCase):
    def record(self, *args):
        self.path = self.temp_dir() / "run.jsonl"
        return self.serve("--record", str(self.path), *args)

    async def events(self, server, kind=None):
        """Everything that was recorded, after the server's end."""
        self.assertEqual(await asyncio.to_thread(server.stop), 0)
        data = self.path.read_bytes()
        self.assertTrue(data.endswith(b"\n"))
        lines = json_lines(data.decode("utf-8"))
        self.assertEqual(lines[0].keys(), {"taburet", "kind", "started"})
        self.assertEqual((lines[0]["taburet"], lines[0]["kind"]), (1, "recording"))
        self.assertRegex(lines[0]["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        for event in lines[1:]:
            self.assertIn("ev", event)
            self.assertIsInstance(event["t"], float)
        for text in re.findall(rb'"t":([^,}]+)', data):
            self.assertRegex(text.decode(), r"^\d+\.\d{6}$")
        times = [event["t"] for event in lines[1:]]
        self.assertEqual(times, sorted(times))
        return [e for e in lines[1:] if kind in (None, e["ev"])]

    async def test_the_file_is_only_for_its_owner(self):
        self.record()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    async def test_a_symbolic_link_is_refused(self):
        folder = self.temp_dir()
        (folder / "target").write_text("precious")
        (folder / "link").symlink_to(folder / "target")
        (folder / "dangling").symlink_to(folder / "nothing")
        for name in ("link", "dangling"):
            done = run_program("serve", "--port", "0", "--record", str(folder / name))
            self.assertIn(done.returncode, (1, 2))
            self.assertIn(f"{name}' (it is a symbolic link)", done.stderr)
            self.assertNotIn("listening", done.stdout)
        self.assertEqual((folder / "target").read_text(), "precious")
        self.assertFalse((folder / "nothing").exists())

    async def test_a_place_that_cannot_be_written_is_refused(self):
        folder = self.temp_dir()
        for path in (folder, folder / "no" / "where.jsonl"):
            done = run_program("serve", "--port", "0", "--record", str(path))
            self.assertIn(done.returncode, (1, 2))
            self.assertIn(str(path), done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    async def test_a_port_that_is_taken_leaves_no_file(self):
        server = self.serve()
        path = self.temp_dir() / "run.jsonl"
        done = run_program("serve", "--port", str(server.port), "--record", str(path))
        self.assertEqual(done.returncode, 1)
        self.assertFalse(path.exists())

    async def test_closed_standard_descriptors_are_not_the_recording(self):
        folder = self.temp_dir()
        path, sock = folder / "run.jsonl", str(folder / "taburet.sock")
        for closed in ((0, 1, 2), (1,), (0, 1)):
            path.unlink(missing_ok=True)
            process = subprocess.Popen(
                [PROGRAM, "serve", "--unix", sock, "--record", str(path)],
                stderr=subprocess.PIPE, preexec_fn=lambda fds=closed: [os.close(n) for n in fds])
            self.addCleanup(process.kill)
            await asyncio.to_thread(wait_until, lambda: is_listening(sock), "it listens")
            async with websockets.unix_connect(sock, uri="ws://localhost/") as ws:
                await ws.send("double")
                await self.recv_many(ws, 2)
            process.terminate()
            self.assertEqual(await asyncio.to_thread(process.wait, LIMIT), 0)
            process.stderr.close()
            lines = json_lines(path.read_text())
            self.assertEqual(lines[0]["kind"], "recording")
            self.assertIn("double response", [line.get("text") for line in lines])

    async def test_a_conversation_is_recorded_whole(self):
        server = self.record("--subprotocol", "chat")
        ws = await self.connect(server, "/room?n=1", subprotocols=["chat"])
        await ws.send("hi \u0442\u0430\u0431\u0443\u0440\u0435\u0442 \"\\\n\x1b")
        await self.recv(ws)
        await ws.send(b"\x00\xff\xfe")
        await self.recv(ws)
        await ws.close(3001, "enough")
        events = await self.events(server)
        opening = next(e for e in events if e["ev"] == "open")
        self.assertEqual(opening["peer"], "127.0.0.1:%d" % ws.local_address[1])
        self.assertIn("/room?n=1", opening["url"])
        self.assertEqual(opening["protocol"], "chat")
        self.assertEqual(opening["response"]["status"], 101)
        messages = [e for e in events if e["ev"] == "message"]
        self.assertEqual([(e["from"], e["type"]) for e in messages],
                         [("client", "text"), ("server", "text"), ("client", "binary"),
                          ("server", "binary")])
        self.assertEqual([e.get("data") for e in messages[:2]],
                         ["hi \u0442\u0430\u0431\u0443\u0440\u0435\u0442 \"\\\n\x1b"] * 2)
        self.assertEqual([e.get("base64") for e in messages[2:]], ["AP/+"] * 2)
        self.assertEqual([(e["size"], e["wire"], e["frames"]) for e in messages[2:]],
                         [(3, 9, 1), (3, 5, 1)])
        closing = next(e for e in events if e["ev"] == "close")
        self.assertEqual((closing["from"], closing["code"], closing["reason"]),
                         ("client", 3001, "enough"))
        self.assertEqual({e["conn"] for e in (opening, *messages, closing)}, {opening["conn"]})

    async def test_fragments_and_compression_are_seen(self):
        server = self.record()
        with opened(server) as client:
            client.send(frame(BINARY, b"ab", fin=False) + frame(CONTINUATION, b"c"))
            client.recv_data()
        ws = await self.connect(server, compression="deflate")
        await ws.send("again and " * 1000)
        await self.recv(ws)
        received = [e for e in await self.events(server, "message") if e["from"] == "client"]
        self.assertEqual((received[0]["frames"], received[0]["size"], received[0]["wire"]),
                         (2, 3, 15))
        self.assertEqual(received[1]["size"], 10_000)
        self.assertLess(received[1]["wire"], 1000)
        self.assertEqual(received[1]["data"], "again and " * 1000)

    async def test_every_members_copy_of_a_broadcast_is_recorded(self):
        server = self.record()
        alice, _, _ = await self.connect_many(server, 3)
        await alice.send("hi")
        await self.recv(alice)
        sent = [e for e in await self.events(server, "message") if e["from"] == "server"]
        self.assertEqual([e["data"] for e in sent], ["hi"] * 3)
        self.assertEqual(len({e["conn"] for e in sent}), 3)

    async def test_refusals_violations_and_losses_are_recorded(self):
        server = self.record()
        with RawClient(server) as client:
            client.send(plain_request(path="/health"))
            client.recv_response()
        with opened(server) as client:
            client.send_frame(TEXT, b"\xff")
            client.recv_close()
            client.wait_gone()
        opened(server).reset()
        server.wait_for_log(r"disconnected.*1006")
        events = await self.events(server)
        refused = next(e for e in events if e["ev"] == "refused")
        self.assertEqual(refused["response"]["status"], 426)
        self.assertTrue(refused["why"])
        violation = next(e for e in events if e["ev"] == "violation")
        self.assertEqual((violation["from"], violation["rule"]), ("client", "TEXT_NOT_UTF8"))
        self.assertIn("8.1", violation["section"])
        closes = [(e["from"], e["code"]) for e in events if e["ev"] == "close"]
        self.assertIn(("server", 1007), closes)
        self.assertIn((None, 1006), closes)

    async def test_pings_and_logs_are_recorded(self):
        server = self.record()
        with opened(server) as client:
            client.send(frame(PING, b"there?") + frame(TEXT, b"ignore"))
            client.recv_frame()
            client.send_frame(CLOSE, close_body(1000))
            client.recv_close()
        events = await self.events(server)
        kinds = [(e["ev"], e.get("from"), e.get("data")) for e in events]
        self.assertIn(("ping", "client", "there?"), kinds)
        self.assertIn(("pong", "server", "there?"), kinds)
        self.assertIn("ignore response", [e["text"] for e in events if e["ev"] == "log"])

    async def test_frames_are_recorded_with_vv(self):
        server = self.record("-vv")
        with opened(server) as client:
            client.send(frame(TEXT, b"ab", fin=False) + frame(CONTINUATION, b"c"))
            client.recv_data()
        frames = [e for e in await self.events(server, "frame") if e["from"] == "client"]
        self.assertEqual([(e["fin"], e["opcode"], e["masked"], e["len"]) for e in frames[:2]],
                         [(False, 1, True, 2), (True, 0, True, 1)])

    async def test_secrets_are_masked(self):
        server = self.record("-v")
        secret = "swordfish"
        headers = [(name, secret) for name in ("Authorization", "Cookie", "Proxy-Authorization")]
        with opened(server, headers=[*headers, ("X-Open", "seen")]):
            pass
        with RawClient(server) as client:
            client.send(plain_request(headers=[("Host", "x"), *headers]))
            client.recv_response()
        server.wait_for_log(" disconnected")
        await self.events(server)
        self.assertNotIn(secret, self.path.read_text())
        self.assertIn("seen", self.path.read_text())
        self.assertNotIn(secret, server.output())


if __name__ == "__main__":
    unittest.main()
