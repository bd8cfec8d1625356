"""`taburet connect` as another program's engine: events out, commands in, an object a line."""

import base64
import json
import stat
import unittest

import evilserver as evil
from connecting import (CLOSED, OK, REFUSED, USAGE, VIOLATION, ConnectCase, answer_then_close,
                        say)
from rawclient import CLOSE, PING, TEXT, close_body

JSON = "--output-format=json"
COMMANDS = "--input-format=json"
SHORT = "--wait=0.3"


def events(data, *kinds):
    """The events of these kinds (of all, if none is named); each line must be a JSON object."""
    found = [json.loads(line) for line in data.splitlines()]
    return [event for event in found if not kinds or event["ev"] in kinds]


def lines(*commands):
    return b"".join(json.dumps(command).encode() + b"\n" for command in commands)


class Events(ConnectCase):
    def run_json(self, server, *args, **settings):
        return self.run_connect(server.url("/chat?x=1"), JSON, *args, **settings)

    def test_a_conversation(self):
        server = self.ws_server(answer_then_close(4001, "done"), subprotocols=["v2"])
        done = self.run_json(server, "-d", "hi", "--subprotocol=v2", "-H", "X-Me: tester")
        self.assert_ends(done, CLOSED)
        got = events(done.out)
        self.assertEqual([event["ev"] for event in got if event["ev"] != "log"],
                         ["open", "message", "message", "close"])
        opened, sent, came, closed = (e for e in got if e["ev"] != "log")
        self.assertIn("/chat?x=1", opened["url"])
        self.assertEqual((opened["response"]["status"], opened["protocol"], opened["deflate"]),
                         (101, "v2", False))
        self.assertIn(["X-Me", "tester"], opened["request"]["headers"])
        self.assertEqual((sent["from"], sent["type"], sent["data"], sent["size"]),
                         ("client", "text", "hi", 2))
        self.assertEqual((came["from"], came["type"], came["data"], came["frames"]),
                         ("server", "text", "hi", 1))
        self.assertEqual((closed["from"], closed["code"], closed["reason"]),
                         ("server", 4001, "done"))
        times = [event["t"] for event in got if "t" in event]
        self.assertEqual(times, sorted(times))

    def test_binary_is_base64(self):
        server = self.ws_server(say(b"\x00\xff\n", close=(1000, "")))
        message, = events(self.run_json(server).out, "message")
        self.assertEqual((message["type"], message["base64"], message["size"]),
                         ("binary", "AP8K", 3))

    def test_awkward_text_is_one_line(self):
        texts = ["two\nlines", "\u2028", "\u0000", '{"a":1}', "", "\x1b[31m", "\U0001f600"]
        server = self.ws_server(say(*texts, close=(1000, "")))
        done = self.run_json(server)
        self.assertEqual([e["data"] for e in events(done.out, "message")], texts)

    def test_a_fragmented_and_a_compressed_message(self):
        data = evil.split_text(b"a", b"b", b"c") + evil.server_frame(
            TEXT, evil.deflated(b"z" * 1000), rsv=4)
        server = self.evil_server(evil.frames(data, evil.close_frame(1000),
                                              headers=[evil.NO_CONTEXT]))
        done = self.run_json(server)
        first, second = events(done.out, "message")
        self.assertEqual((first["frames"], first["size"], first["wire"]), (3, 3, 9))
        self.assertEqual((second["frames"], second["size"]), (1, 1000))
        self.assertLess(second["wire"], 50)
        self.assertTrue(events(done.out, "open")[0]["deflate"]["server_no_context_takeover"])

    def test_pings_and_pongs(self):
        def behave(peer):
            peer.upgrade()
            peer.send_frame(PING, b"\xff")
            peer.send_frame(PING, b"are you there")
            peer.read_until(TEXT)
            peer.close(1000)
        done = self.run_json(self.evil_server(behave), "-P", "-d", "x")
        pings = events(done.out, "ping")
        self.assertEqual([(p["from"], p.get("data"), p.get("base64")) for p in pings],
                         [("server", None, "/w=="), ("server", "are you there", None)])
        self.assertEqual({p["from"] for p in events(done.out, "pong")}, {"client"})

    def test_our_own_pings_have_a_round_trip(self):
        server = self.ws_server()
        done = self.run_json(server, "-P", "--ping-interval=0.1", "--wait=0.5", "-d", "x")
        pongs = [e for e in events(done.out, "pong") if e["from"] == "server"]
        self.assertTrue(pongs)
        self.assertTrue(all(0 <= pong["rtt"] < 5 for pong in pongs))

    def test_refused(self):
        server = self.evil_server(evil.refusal("403 Forbidden"))
        done = self.run_json(server)
        self.assert_ends(done, REFUSED)
        refused, = events(done.out, "refused")
        self.assertEqual(refused["response"]["status"], 403)
        self.assertTrue(refused["why"])

    def test_refused_without_an_answer(self):
        done = self.run_json(self.evil_server(evil.fin_at_accept))
        refused, = events(done.out, "refused")
        self.assertIsNone(refused["response"])

    def test_violation(self):
        done = self.run_json(self.evil_server(evil.frames(evil.server_frame(3))))
        self.assert_ends(done, VIOLATION)
        got = events(done.out, "violation", "close")
        self.assertEqual([e["ev"] for e in got], ["violation", "close"])
        self.assertEqual((got[0]["from"], got[0]["rule"]), ("server", "FRAME_OPCODE"))
        self.assertIn("5.2", got[0]["section"])
        self.assertEqual((got[1]["from"], got[1]["code"]), ("client", 1002))

    def test_lost(self):
        done = self.run_json(self.evil_server(evil.frames(end="fin")))
        closed, = events(done.out, "close")
        self.assertEqual((closed["from"], closed["code"]), (None, 1006))

    def test_frames_with_vv(self):
        data = evil.split_text(b"ab", b"c") + evil.close_frame(1000)
        done = self.run_json(self.evil_server(evil.frames(data)), "-vv")
        frames = [e for e in events(done.out, "frame") if e["from"] == "server"]
        self.assertEqual([(f["fin"], f["opcode"], f["len"], f["masked"]) for f in frames],
                         [(False, 1, 2, False), (True, 0, 1, False), (True, 8, 2, False)])
        ours = [e for e in events(done.out, "frame") if e["from"] == "client"]
        self.assertEqual([(f["opcode"], f["masked"]) for f in ours], [(8, True)])

    def test_secrets_are_masked(self):
        server = self.ws_server()
        done = self.run_json(server, "-u", "me:hunter2", "-b", "sid=hunter2", "-1", "-d", "x")
        self.assert_ends(done, OK)
        self.assertNotIn(b"hunter2", done.out)
        headers = dict(events(done.out, "open")[0]["request"]["headers"])
        self.assertEqual((headers["Authorization"], headers["Cookie"]), ("***", "***"))


class Commands(ConnectCase):
    def run_commands(self, server, *commands, args=()):
        return self.run_connect(server.url(), COMMANDS, SHORT, *args, stdin=lines(*commands))

    def test_send_in_every_shape(self):
        server = self.ws_server()
        path = self.file("payload", b"\x00from a file\n")
        done = self.run_commands(
            server, {"send": {"text": "hi\nthere"}}, {"send": {"json": {"b": [1, 2.50, None]}}},
            {"send": {"hex": "00 ff"}}, {"send": {"base64": "AP8="}},
            {"send": {"file": str(path)}}, {"send": {"text": ""}})
        self.assert_ends(done, OK)
        messages = server.wait_peer().messages
        server.wait_for(lambda: len(messages) == 6, "six messages")
        self.assertEqual(messages[0], "hi\nthere")
        self.assertEqual(json.loads(messages[1]), {"b": [1, 2.5, None]})
        self.assertIsInstance(messages[1], str)
        self.assertEqual([m if isinstance(m, bytes) else m.encode() for m in messages[2:5]],
                         [b"\x00\xff", b"\x00\xff", b"\x00from a file\n"])
        self.assertIsInstance(messages[2], bytes)
        self.assertEqual(messages[5], "")

    def test_a_big_integer_in_json_survives(self):
        server = self.ws_server()
        self.run_connect(server.url(), COMMANDS, SHORT,
                         stdin=b'{"send":{"json":{"z":9007199254740993,"a":1}}}\n')
        message = server.wait_peer().messages[0]
        self.assertRegex(message, r'^\{"z": ?9007199254740993, ?"a": ?1\}$')

    def test_ping(self):
        def behave(peer):
            peer.upgrade()
            got.append(peer.read_until(PING).payload)
            peer.close(1000)
        got = []
        server = self.evil_server(behave)
        self.run_commands(server, {"ping": "are you there"})
        self.assertEqual(got, [b"are you there"])

    def test_close(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), COMMANDS, "--wait=-1",
                                stdin=lines({"close": {"code": 4321, "reason": "so there"}}))
        self.assert_ends(done, OK)
        self.assertEqual(server.wait_close(), (4321, "so there"))

    def test_close_without_a_code_is_a_close_frame_without_one(self):
        server = self.ws_server()
        self.run_connect(server.url(), COMMANDS, "--wait=-1", stdin=lines({"close": {}}))
        self.assertEqual(server.wait_close()[0], 1005)

    def test_a_bad_command_names_its_line_and_is_exit_2(self):
        server = self.ws_server()
        for bad in (b"not json", b"[]", b"{}", b'"text"', b'{"sned":{"text":"x"}}', b'{"send":1}',
                    b'{"send":{}}', b'{"send":{"text":1}}', b'{"send":{"text":"a","hex":"00"}}',
                    b'{"send":{"hex":"0"}}', b'{"send":{"base64":"#"}}', b'{"ping":1}',
                    b'{"ping":"' + b"x" * 126 + b'"}', b'{"close":{"code":65536}}',
                    b'{"close":{"code":"1000"}}', b'{"close":{"code":1000,"reason":"'
                    + b"x" * 124 + b'"}}', b'{"send":{"file":"/nowhere/at/all"}}', b'{"send":{"file":"-"}}',
                    b'{"send":{"file":"/dev/zero"}}', b'{"close":{"reason":"why"}}',
                    b'{"close":{"code":1000,"reason":"a\\u0000b"}}',
                    b'{"send":{"text":"x"},"ping":"y"}', b'{"send":{"text":"x"}} trailing',
                    b'{"send":{"text":"\xff"}}', b"[" * 100000):
            with self.subTest(bad[:60]):
                done = self.run_connect(server.url(), COMMANDS, SHORT,
                                        stdin=lines({"send": {"text": "good"}}) + bad + b"\n")
                self.assert_error(done, USAGE, r"\b2\b")

    def test_a_json_value_is_sent_as_it_is_written(self):
        values = ["0.1", "1e2", "1" * 30, "1.0", '{"z":1.50,"a":{"json":[1E2]}}', '"}\\"\\u0041"']
        server = self.ws_server()
        done = self.run_connect(server.url(), COMMANDS, SHORT, stdin="".join(
            '{ "send" : {"json" : %s } }\n' % value for value in values).encode())
        self.assert_ends(done, OK)
        server.wait_messages(values)

    def test_empty_lines_are_nothing(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), COMMANDS, SHORT,
                                stdin=b"\n" + lines({"send": {"text": "x"}}) + b"\n\n")
        self.assert_ends(done, OK)
        server.wait_messages(["x"])


class Driver(ConnectCase):
    def test_a_program_holds_a_conversation(self):
        server = self.ws_server()
        program = self.connect(server.url(), JSON, COMMANDS)
        program.wait_lines(1)
        for number in range(20):
            text = f"turn {number}"
            program.feed(lines({"send": {"text": text}}))
            program.wait_for(lambda: any(
                e["data"] == text and e["from"] == "server"
                for e in events(program.out[:program.out.rfind(b"\n") + 1], "message")), text)
        program.feed(lines({"close": {"code": 1000, "reason": "bye"}}))
        self.assertEqual(program.wait().code, OK)
        closed, = events(program.out, "close")
        self.assertEqual((closed["from"], closed["code"], closed["reason"]),
                         ("client", 1000, "bye"))
        self.assertEqual(len(events(program.out, "message")), 40)

    def test_events_are_not_held_back(self):
        """A pipe's buffer would hold the first line until there are 4 KiB."""
        server = self.ws_server(say("now"))
        program = self.connect(server.url(), JSON)
        program.wait_out(rb'"now"')


class Recording(ConnectCase):
    def test_a_session_is_recorded_for_its_owner_alone(self):
        server = self.ws_server(answer_then_close(1000))
        path = self.home / "session.jsonl"
        done = self.run_connect(server.url(), "-d", "hi", "--record", path)
        self.assert_output(done, b"hi")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        got = [json.loads(line) for line in path.read_bytes().splitlines()]
        self.assertEqual((got[0]["taburet"], got[0]["kind"]), (1, "recording"))
        self.assertEqual([e["ev"] for e in got[1:] if e["ev"] != "log"],
                         ["open", "message", "message", "close"])

    def test_it_is_appended_to(self):
        server = self.ws_server(answer_then_close(1000))
        path = self.home / "session.jsonl"
        for _ in range(2):
            self.run_connect(server.url(), "-d", "hi", "--record", path)
        starts = [line for line in path.read_bytes().splitlines() if b'"kind"' in line]
        self.assertEqual(len(starts), 2)

    def test_a_symbolic_link_or_a_folder_is_refused(self):
        link = self.home / "link"
        link.symlink_to(self.file("target", "x"))
        for path in (link, self.home, self.home / "no" / "where"):
            server = self.evil_server(evil.silence)
            done = self.run_connect(server.url(), "--record", path)
            self.assert_error(done, USAGE, path.name)
            self.assertEqual(server.peers, [])

    def test_secrets_are_not_recorded(self):
        server = self.ws_server(answer_then_close(1000))
        path = self.home / "session.jsonl"
        self.run_connect(server.url(), "-d", "hi", "--record", path, "--oauth2-bearer", "hunter2")
        self.assertNotIn(b"hunter2", path.read_bytes())

    def test_a_refusal_is_recorded(self):
        path = self.home / "session.jsonl"
        server = self.evil_server(evil.refusal("500 Oh no"))
        self.run_connect(server.url(), "--record", path)
        self.assertIn("refused", [json.loads(line).get("ev") for line in
                                  path.read_bytes().splitlines()])

    def test_binary_and_frames(self):
        path = self.home / "session.jsonl"
        server = self.ws_server(answer_then_close(1000))
        self.run_connect(server.url(), "--hex", "-d", "00ff", "--record", path, "-vv")
        got = [json.loads(line) for line in path.read_bytes().splitlines()]
        self.assertEqual([base64.b64decode(e["base64"]) for e in got if e.get("ev") == "message"],
                         [b"\x00\xff"] * 2)
        self.assertEqual([e["opcode"] for e in got if e.get("ev") == "frame"
                          and e["from"] == "client"], [2, CLOSE])

    def test_the_closes_of_both_are_told_from_each_other(self):
        def behave(peer):
            peer.upgrade()
            peer.read_until(CLOSE)
            peer.send_frame(CLOSE, close_body(4444, b"mine"))
        path = self.home / "session.jsonl"
        self.run_connect(self.evil_server(behave).url(), "--wait=0", "--record", path)
        closed = [json.loads(line) for line in path.read_bytes().splitlines()][-1]
        self.assertEqual((closed["ev"], closed["from"], closed["code"]),
                         ("close", "client", 1000))


if __name__ == "__main__":
    unittest.main()
