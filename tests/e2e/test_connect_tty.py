"""`taburet connect` in a terminal, with a person at it (screen.py)."""
# ctest: timeout 120

import json
import re
import signal
import termios
import threading
import unittest

import evilserver as evil
from connecting import (CLOSED, INTERRUPTED, OK, REFUSED, USAGE, ConnectCase, answer_then_close,
                        listen, say)
from rawclient import CLOSE, PING, PONG, TEXT
from screen import Screen, Terminal
from support import SANITIZED

UP, LEFT, CTRL_C, CTRL_D = "\x1b[A", "\x1b[D", "\x03", "\x04"
PASTE, PASTED = "\x1b[200~", "\x1b[201~"
ECHO, CANONICAL = termios.ECHO, termios.ICANON


class TerminalCase(ConnectCase):
    def terminal(self, *args, **settings):
        terminal = Terminal(*args, home=self.home, **settings)
        self.addCleanup(terminal.release)
        return terminal

    def opened(self, server, *args, **settings):
        """A terminal in which the prompt stands."""
        number = len(server.peers)
        terminal = self.terminal(server.url(), *args, **settings)
        server.wait_peer(number)
        self.wait_prompt(terminal)
        return terminal

    def wait_prompt(self, terminal):
        terminal.wait_line(r"^> ?$")

    def assert_restored(self, terminal):
        now = terminal.flags()
        self.assertEqual(now[:4], terminal.before[:4])
        self.assertTrue(now[3] & ECHO and now[3] & CANONICAL)


class Conversation(TerminalCase):
    def test_what_is_typed_is_sent_and_what_comes_is_shown(self):
        server = self.ws_server()
        terminal = self.opened(server)
        terminal.enter("hello")
        terminal.wait_text("(?m)^← ?hello")
        server.wait_messages(["hello"])
        self.wait_prompt(terminal)
        terminal.type(CTRL_D)
        self.assertEqual(terminal.wait(), OK)
        self.assertEqual(server.wait_close()[0], 1000)

    def test_a_message_does_not_break_the_line_being_typed(self):
        def behave(peer):
            peer.upgrade()
            for _ in range(3):
                self.assertTrue(go.wait(10))
                go.clear()
                peer.send_frame(TEXT, b"interrupting")
            got.append(peer.read_until(TEXT).payload)
            peer.answer_close()
        go, got = threading.Event(), []
        server = self.evil_server(behave)
        terminal = self.opened(server)
        typed = ""
        for number, piece in enumerate(("a long", " sentence", " typed slowly"), 1):
            typed += piece
            terminal.type(piece)
            terminal.wait_line(f"{typed}$")
            go.set()
            terminal.wait_text("(?s)" + ".*".join(["← ?interrupting"] * number))
            terminal.wait_line(f"{typed}$")
        lines = terminal.screen.text().splitlines()
        self.assertEqual(sum("a long" in line for line in lines), 1, lines)
        terminal.type("\r")
        terminal.wait_until(lambda: got, "the message at the server")
        self.assertEqual(got, [b"a long sentence typed slowly"])

    def test_the_cursor_stays_where_it_was_in_the_line(self):
        server = self.ws_server(say("first"))
        terminal = self.opened(server)
        terminal.wait_text("← ?first")
        terminal.type("abd" + LEFT + "c")
        terminal.wait_line("abcd")
        terminal.type("\r")
        server.wait_messages(["abcd"])

    def test_many_messages_leave_the_prompt_alone(self):
        server = self.ws_server(say(*(f"message {n}" for n in range(200))))
        terminal = self.opened(server)
        terminal.type("my own words")
        terminal.wait_text("message 199")
        terminal.wait_line("^> ?my own words$")
        for number in range(200):
            self.assertRegex(terminal.screen.text(), rf"(?m)^← ?message {number}$")

    def test_history_is_kept_between_runs(self):
        server = self.ws_server()
        terminal = self.opened(server)
        terminal.enter("remember me")
        server.wait_messages(["remember me"])
        terminal.enter("/quit")
        self.assertEqual(terminal.wait(), OK)
        history = self.home / "state" / "taburet" / "history"
        self.assertTrue(history.is_file())
        self.assertEqual(history.stat().st_mode & 0o077, 0)
        terminal = self.opened(server)
        terminal.type(UP)
        terminal.wait_line("/quit|remember me")
        if "/quit" in terminal.screen.current():
            terminal.type(UP)
        terminal.wait_line("remember me")
        terminal.type("\r")
        server.wait_messages(["remember me"], 1)

    def test_history_without_the_variable_is_in_the_home(self):
        server = self.ws_server()
        terminal = self.terminal(server.url(), env={"XDG_STATE_HOME": ""})
        self.wait_prompt(terminal)
        terminal.enter("x")
        server.wait_messages(["x"])
        terminal.type(CTRL_D)
        terminal.wait()
        self.assertTrue((self.home / ".local" / "state" / "taburet" / "history").is_file())

    def test_a_terminal_waits_for_ever(self):
        """Where a pipe would leave a second after the end of its input."""
        server = self.ws_server(listen)
        terminal = self.opened(server, "-d", "x")
        server.wait_messages(["x"])
        while terminal.pump(1.3):
            pass
        self.assertIsNone(terminal.process.poll())

    def test_pasted_lines_of_json_are_one_message(self):
        server = self.ws_server()
        text = '{\n  "a": [\n    1,\n    2\n  ]\n}'
        terminal = self.opened(server)
        terminal.type(PASTE + text.replace("\n", "\r") + PASTED + "\r")
        message = server.wait_for(lambda: server.peers[0].messages, "a message")[0]
        self.assertEqual(json.loads(message), {"a": [1, 2]})
        self.assertEqual(len(server.peers[0].messages), 1)

    def test_text_beyond_ascii_is_typed_and_shown(self):
        server = self.ws_server()
        terminal = self.opened(server)
        terminal.enter("табурет €")
        server.wait_messages(["табурет €"])
        terminal.wait_text("← ?табурет €")

    def test_connecting_shows_what_it_waits_for(self):
        server = self.evil_server(evil.silence)
        terminal = self.terminal(server.url())
        terminal.wait_text(rf"127\.0\.0\.1.*{server.port}")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), INTERRUPTED)
        self.assert_restored(terminal)

    def test_a_refusal_is_shown(self):
        server = self.evil_server(evil.refusal("403 Forbidden", body=b"go away\n"))
        terminal = self.terminal(server.url())
        terminal.wait_text("403")
        terminal.wait_text("go away")
        self.assertEqual(terminal.wait(), REFUSED)


class Display(TerminalCase):
    def shown(self, *messages, args=(), pattern, **settings):
        server = self.ws_server(say(*messages))
        terminal = self.opened(server, *args, **settings)
        terminal.wait_text(pattern)
        return terminal

    def test_json_is_indented_and_keeps_integers_and_order(self):
        text = '{"z":9007199254740993,"a":[1,2.50,{"k":null}],"u":"\\u20ac","e":1E400}'
        terminal = self.shown(text, pattern=r'(?s)"z": 9007199254740993.*"a".*"u".*1E400')
        self.assertRegex(terminal.screen.text(), r'(?m)^ +"a": \[')
        self.assertIn("2.50", terminal.screen.text())

    def test_no_pretty_leaves_it_alone(self):
        self.shown('{"z":1,"a":[1,2]}', args=["--no-pretty"], pattern=r'\{"z":1,"a":\[1,2\]\}')

    def test_what_only_looks_like_json_is_left_alone(self):
        self.shown('{"a": nope}', pattern=r'\{"a": nope\}')

    def test_binary_is_a_hexdump(self):
        self.shown(bytes(range(0x41, 0x61)) + b"\x00\xff",
                   pattern=r"(?s)41 42 43 44.*00 ff.*")

    def test_a_close_is_always_shown_whole(self):
        server = self.ws_server(answer_then_close(1008, "not you"))
        terminal = self.opened(server)
        terminal.enter("x")
        self.assertEqual(terminal.wait(), CLOSED)
        for part in ("1008", "(?i)policy", "not you", "(?i)server"):
            self.assertRegex(terminal.screen.text(), part)
        self.assert_restored(terminal)

    def test_our_own_close_is_shown_too(self):
        server = self.ws_server()
        terminal = self.opened(server)
        terminal.enter("/quit")
        self.assertEqual(terminal.wait(), OK)
        self.assertRegex(terminal.screen.text(), "1000")

    def test_a_loss_is_shown(self):
        server = self.evil_server(evil.frames(end="fin"))
        terminal = self.terminal(server.url())
        self.assertEqual(terminal.wait(), CLOSED)
        self.assertRegex(terminal.screen.text(), "(?i)1006|without a close")

    def test_colours(self):
        server = self.ws_server(say("hi", '{"a":1}', close=(1000, "")))
        for args, env, coloured in (((), {}, True), (("--color=never",), {}, False),
                                    ((), {"NO_COLOR": "1"}, False), ((), {"NO_COLOR": ""}, True),
                                    (("--color=always",), {"NO_COLOR": "1"}, True),
                                    ((), {"TERM": "dumb"}, False)):
            with self.subTest(args=args, env=env):
                terminal = self.terminal(server.url(), *args, env=env)
                terminal.wait()
                self.assertEqual(bool(re.search(rb"\x1b\[[0-9;]*[1-9][0-9;]*m", terminal.raw)),
                                 coloured, bytes(terminal.raw))

    def test_colours_in_a_pipe(self):
        server = self.ws_server(say("hi", close=(4000, "")))
        self.assertNotIn("\x1b", self.run_connect(server.url(), "-v").err)
        self.assertIn("\x1b", self.run_connect(server.url(), "-v", "--color=always").err)

    def test_timestamps(self):
        self.shown("hi", args=["--timestamps"], pattern=r"(?m)\d\d:\d\d:\d\d|\d+\.\d+.*hi")
        self.shown("hi", args=["--timestamps=absolute"], pattern=r"(?m)\d\d:\d\d:\d\d.*hi")
        self.shown("hi", args=["--timestamps=relative"], pattern=r"(?m)\d+\.\d\d+.*hi")

    def test_pings_and_their_round_trip(self):
        server = self.ws_server()
        terminal = self.opened(server, "-P")
        terminal.enter("/ping are you there")
        terminal.wait_text("(?i)pong.*are you there")
        terminal.wait_text(r"\d ?[mµ]?s")

    def test_raw_to_a_terminal_is_refused(self):
        server = self.evil_server(evil.silence)
        terminal = self.terminal(server.url(), "--raw")
        self.assertEqual(terminal.wait(), USAGE)
        self.assertIn("--raw", terminal.screen.text())
        self.assertEqual(server.peers, [])

    def test_a_narrow_terminal(self):
        server = self.ws_server(say("x" * 100))
        terminal = self.opened(server, columns=30)
        terminal.type("y" * 70)
        terminal.wait_until(lambda: "y" * 10 in terminal.screen.text(), "the long line")
        terminal.type("\r")
        server.wait_messages(["y" * 70])


class SlashCommands(TerminalCase):
    def test_help_names_them_all(self):
        terminal = self.opened(self.ws_server())
        terminal.enter("/help")
        for name in ("ping", "pong", "close", "hex", "base64", "file", "json", "frag", "raw",
                     "stats", "record", "help", "quit"):
            terminal.wait_text(f"/{name}")

    def test_sending(self):
        server = self.ws_server()
        terminal = self.opened(server)
        path = self.file("payload", "from a file")
        for line in ("/hex 00 ff", "/base64 AP8=", f"/file {path}", "//slash", "/frag 2 fragments"):
            terminal.enter(line)
            self.wait_prompt(terminal)
        messages = server.peers[0].messages
        terminal.wait_until(lambda: len(messages) == 5, "five messages")
        self.assertEqual(messages[:2], [b"\x00\xff"] * 2)
        self.assertIn(messages[2], ("from a file", b"from a file"))
        self.assertEqual(messages[3:], ["/slash", "fragments"])

    def test_frag_sends_frames_of_that_size(self):
        def behave(peer):
            peer.upgrade()
            while not got or not got[-1][0]:
                frame = peer.read_frame()
                got.append((frame.fin, frame.opcode, frame.payload))
            peer.answer_close()
        got = []
        terminal = self.opened(self.evil_server(behave), "--no-deflate")
        terminal.enter("/frag 2 abcde")
        terminal.wait_until(lambda: got and got[-1][0], "the last frame")
        self.assertEqual(got, [(0, 1, b"ab"), (0, 0, b"cd"), (1, 0, b"e")])

    def test_control_frames_and_raw_bytes(self):
        def behave(peer):
            peer.upgrade()
            got.append(peer.read_until(PING).payload)
            got.append(peer.read_until(PONG).payload)
            got.append(peer.take(3))
            got.append(peer.read_until(CLOSE).payload)
            peer.send_frame(CLOSE, got[-1])
        got = []
        terminal = self.opened(self.evil_server(behave), "--no-deflate")
        for line in ("/ping hey", "/pong ho", "/raw c1 80 00", "/close 4001 so long"):
            terminal.enter(line)
        self.assertEqual(terminal.wait(), OK)
        self.assertEqual(got, [b"hey", b"ho", b"\xc1\x80\x00", b"\x0f\xa1so long"])

    def test_json_waits_until_it_parses(self):
        server = self.ws_server()
        terminal = self.opened(server)
        for line in ("/json", "{", '"a": 1', "}"):
            terminal.enter(line)
        message = server.wait_for(lambda: server.peers[0].messages, "a message")[0]
        self.assertEqual(json.loads(message), {"a": 1})

    def test_stats_and_record(self):
        server = self.ws_server()
        terminal = self.opened(server)
        path = self.home / "later.jsonl"
        terminal.enter(f"/record {path}")
        terminal.wait_text(re.escape(path.name))
        terminal.enter("recorded")
        terminal.wait_text("← ?recorded")
        terminal.enter("/stats")
        terminal.wait_text(r"(?is)\b1\b.*message|message.*\b1\b")
        terminal.enter("/quit")
        terminal.wait()
        self.assertIn(b'"recorded"', path.read_bytes())

    def test_an_unknown_command_is_said_and_not_sent(self):
        server = self.ws_server()
        terminal = self.opened(server)
        terminal.enter("/pnig")
        terminal.wait_text("(?s)/pnig.*(unknown|/ping)|unknown.*/pnig")
        terminal.enter("fine")
        server.wait_messages(["fine"])

    def test_bad_arguments_are_said_and_not_sent(self):
        server = self.ws_server()
        terminal = self.opened(server)
        for line in ("/hex xyz", "/base64 #", "/file /nowhere/at/all", "/close 65536", "/frag x y",
                     "/raw 0", "/ping " + "x" * 126):
            terminal.enter(line)
            self.wait_prompt(terminal)
        terminal.enter("fine")
        server.wait_messages(["fine"])
        terminal.wait_text("/nowhere/at/all")


class Restored(TerminalCase):
    """However it ends, the terminal is as it was."""

    def end(self, number):
        terminal = self.opened(self.ws_server())
        terminal.type("half a li")
        terminal.wait_line("half a li")
        self.assertNotEqual(terminal.flags()[3], terminal.before[3])
        terminal.signal(number)
        code = terminal.wait()
        self.assert_restored(terminal)
        on, off = (terminal.raw.rfind(b"\x1b[?2004" + end) for end in (b"h", b"l"))
        self.assertLessEqual(on, off)
        return code

    def test_after_a_normal_end(self):
        terminal = self.opened(self.ws_server())
        terminal.type(CTRL_D)
        self.assertEqual(terminal.wait(), OK)
        self.assert_restored(terminal)

    def test_after_ctrl_c(self):
        terminal = self.opened(self.ws_server())
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), INTERRUPTED)
        self.assert_restored(terminal)

    def test_after_sigint(self):
        self.assertEqual(self.end(signal.SIGINT), INTERRUPTED)

    def test_after_sigterm(self):
        self.assertEqual(self.end(signal.SIGTERM), INTERRUPTED)

    def test_after_sighup(self):
        self.assertEqual(self.end(signal.SIGHUP), INTERRUPTED)

    def test_after_a_signal_that_nobody_handles(self):
        for number in (signal.SIGQUIT, signal.SIGALRM, signal.SIGUSR1):
            with self.subTest(number):
                self.assertEqual(self.end(number), -number)

    @unittest.skipIf(SANITIZED, "the sanitizer has SIGSEGV for itself")
    def test_after_a_crash(self):
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
            with self.subTest(number):
                self.assertEqual(self.end(number), -number)

    def test_while_stopped(self):
        """Ctrl-Z by another's hand: the shell gets its terminal back, and the prompt comes again
        afterwards."""
        server = self.ws_server()
        terminal = self.opened(server)
        terminal.signal(signal.SIGTSTP)
        terminal.signal(signal.SIGCONT)
        terminal.enter("back again")
        server.wait_messages(["back again"])


# Everything that a terminal could take for a command.
CONTROLS = bytes(range(0x20)) + b"\x7f"


def pairs_of_a_byte(first):
    return b"".join(bytes([first, second]) for second in range(256))


def every_pair_in_few_bytes(alphabet):
    """A walk through which every pair of the alphabet comes (a de Bruijn sequence of order 2)."""
    walk = bytearray()
    for number, first in enumerate(alphabet):
        walk.append(first)
        for second in alphabet[number + 1:]:
            walk += bytes([first, second])
        walk.append(first)
    return bytes(walk)


class HostileText(TerminalCase):
    """kubectl CVE-2021-25743 and its kin: nothing that a peer says is a command to the terminal.

    A dumb terminal, for which a line editor has no commands of its own: nothing but text, CR, LF,
    BS, and the bell may come."""

    def run_dumb(self, server, *args):
        terminal = self.terminal(server.url(), "--color=never", *args, term="dumb")
        code = terminal.wait()
        return code, bytes(terminal.raw)

    def assert_harmless(self, raw):
        found = re.search(rb"[\x00-\x06\x0b\x0c\x0e-\x1f\x7f]", raw)
        self.assertIsNone(found, found and raw[max(found.start() - 40, 0):found.end() + 20])
        text = raw.decode()  # valid UTF-8, or this fails
        found = re.search("[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)
        self.assertIsNone(found, found and text[max(found.start() - 40, 0):found.end() + 20])

    def test_every_pair_of_bytes_as_binary(self):
        datas = [pairs_of_a_byte(first) for first in range(256)]
        code, raw = self.run_dumb(self.ws_server(say(*datas, close=(1000, ""))))
        self.assertEqual(code, OK)
        self.assert_harmless(raw)

    def test_every_pair_of_bytes_as_text(self):
        """Those that are UTF-8; the rest is a violation, and below."""
        texts = ["".join(chr(first) + chr(second) for second in range(128))
                 for first in range(128)]
        texts += [chr(point) for point in range(0x80, 0x800)]
        code, raw = self.run_dumb(self.ws_server(say(*texts, close=(1000, ""))))
        self.assertEqual(code, OK)
        self.assert_harmless(raw)
        for shown in (rb"\x1b", rb"\x00", rb"\x7f", rb"\u{9b}"):
            self.assertIn(shown, raw)

    def test_every_pair_of_bytes_as_a_refusals_body(self):
        """Where the peer needs no UTF-8 to be heard."""
        for first in range(0, 256, 16):
            body = b"".join(map(pairs_of_a_byte, range(first, first + 16)))
            server = self.evil_server(evil.refusal("403 No", body=body))
            code, raw = self.run_dumb(server)
            self.assertEqual(code, REFUSED)
            self.assert_harmless(raw)

    def test_every_pair_of_controls_as_a_close_reason(self):
        walk = every_pair_in_few_bytes(CONTROLS + b"[]0m")
        points = "".join(map(chr, [*range(0x80, 0xa0), 0x61c, 0x200e, 0x202e, 0x2066])).encode()
        reasons = [walk[at:at + 120] for at in range(0, len(walk), 119)] + [points]
        self.assertTrue(all(len(reason) <= 123 for reason in reasons))
        for reason in reasons:
            server = self.ws_server(say(close=(4000, reason.decode())))
            code, raw = self.run_dumb(server)
            self.assertEqual(code, CLOSED)
            self.assert_harmless(raw)

    def test_json_pings_headers_and_status_lines(self):
        def behave(peer):
            peer.upgrade("X-Evil: \x1b[31m\x9b1m", "Server: \x07\x08")
            peer.send_frame(TEXT, b'{"\x1b[2J": "\\u001b[2J\\u009b\\u202e"}'.replace(b"\x1b",
                                                                                    b"\xc2\x9b"))
            peer.send_frame(PING, CONTROLS)
            peer.send_frame(PING, b"\xff\x9b\x1b[2J")
            peer.close(1000)
        _, raw = self.run_dumb(self.evil_server(behave), "-vv", "-P")
        self.assert_harmless(raw)

    def test_json_lines(self):
        texts = ["".join(map(chr, range(first, first + 0x400)))
                 for first in (0, 0x400, 0x2000, 0xe0000)]

        def behave(peer):
            peer.upgrade("X-Evil: \x9b1m")
            for text in texts:
                peer.send_frame(TEXT, text.encode())
            peer.send_frame(PING, CONTROLS + b"\xc2\x9b2J")
            peer.close(4000, "\x7f\x9b2J\u202e".encode())
        code, raw = self.run_dumb(self.evil_server(behave), "--output-format=json")
        self.assertEqual(code, CLOSED)
        self.assert_harmless(raw)
        self.assertNotRegex(raw.decode(), "[\U000e0000-\U000e007f]")
        events = [json.loads(line) for line in raw.splitlines() if line.startswith(b"{")]
        self.assertEqual([event["data"] for event in events if event["ev"] == "message"], texts)

    def test_the_walk_has_every_pair(self):
        alphabet = CONTROLS + b"[]0m"
        walk = every_pair_in_few_bytes(alphabet)
        there = {walk[at:at + 2] for at in range(len(walk) - 1)}
        self.assertEqual(len([pair for pair in there if set(pair) <= set(alphabet)]),
                         len(alphabet) ** 2)

    def test_in_a_colourful_terminal_it_is_shown(self):
        server = self.ws_server(say("\x1b]0;owned\x07\x1b[2Jhere", close=(1000, "")))
        terminal = self.terminal(server.url())
        terminal.wait()
        self.assertIn(r"\x1b]0;owned\x07\x1b[2Jhere", terminal.screen.text())
        self.assertEqual(terminal.screen.unknown, [])

    def test_the_url_and_other_arguments(self):
        for args in (["ws://127.0.0.1:1/\x1b[2J"], ["ws://127.0.0.1:1/", "--\x1b[2J"],
                     ["ws://127.0.0.1:1/", "-o", "/no/\x1b[2J"],
                     ["ws://127.0.0.1:1/", "--cacert", "/no/\x9b\x07"]):
            terminal = self.terminal(*args, "--color=never", term="dumb")
            self.assertNotEqual(terminal.wait(), OK)
            self.assert_harmless(bytes(terminal.raw))


class TheScreenItself(unittest.TestCase):
    """A test tool that is wrong proves nothing."""

    def shown(self, data, **size):
        screen = Screen(**size)
        for at in range(len(data)):
            screen.feed(data[at:at + 1])
        return screen

    def test_lines_wraps_and_scrolling(self):
        screen = self.shown(b"one\r\ntwo\r\nabcdef", rows=2, columns=4)
        self.assertEqual(screen.text(), "one\ntwo\nabcd\nef")

    def test_editing(self):
        self.assertEqual(self.shown(b"abc\b\bX\x1b[K").text(), "aX")
        self.assertEqual(self.shown(b"abc\r\x1b[2Cd\x1b[1D\x1b[1P").text(), "ab")
        self.assertEqual(self.shown(b"bc\r\x1b[1@a").text(), "abc")
        self.assertEqual(self.shown(b"bc\r\x1b[4ha\x1b[4l").text(), "abc")
        self.assertEqual(self.shown("\r€".encode()).text(), "€")

    def test_what_it_does_not_know(self):
        self.assertTrue(self.shown(b"\x1b]0;title\x07" + b" " * 40).unknown)
        self.assertTrue(self.shown(b"\xff").unknown)
        self.assertTrue(self.shown("\x9b".encode()).unknown)
        self.assertTrue(self.shown("\u202e".encode()).unknown)


if __name__ == "__main__":
    unittest.main()
