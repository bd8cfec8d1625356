"""`--expect` and `--expect-close`: a conversation as an assertion in a shell script."""

import time
import unittest

import evilserver as evil
from connecting import OK, UNEXPECTED, USAGE, ConnectCase, answer_then_close, listen, say
from rawclient import CLOSE, TEXT
from support import SCALE

NOW = 3 * SCALE  # "at once", on a busy machine


class Expect(ConnectCase):
    def test_it_leaves_with_0_as_soon_as_it_came(self):
        server = self.ws_server(say("noise", "the answer is 42", "more"))
        began = time.monotonic()
        done = self.run_connect(server.url(), "--expect", r"answer is \d+$", "--wait=30")
        self.assert_ends(done, OK)
        self.assertIn(b"the answer is 42\n", done.out)
        self.assertLess(time.monotonic() - began, NOW)

    def test_it_is_a_regular_expression_and_finds_anywhere(self):
        server = self.ws_server()
        for pattern in ("^hello world$", "o w", "(?i)HELLO", r"\bworld\b", "h.llo", "мир|world"):
            with self.subTest(pattern=pattern):
                done = self.run_connect(server.url(), "-d", "hello world", "--expect", pattern)
                self.assert_ends(done, OK)

    def test_what_does_not_come_in_time_is_103_and_names_the_pattern(self):
        server = self.ws_server(say("something else"))
        done = self.run_connect(server.url(), "--expect", "never this", "--wait=0.3")
        self.assert_error(done, UNEXPECTED, "never this")

    def test_the_time_limits_are_the_expectations_limits(self):
        server = self.ws_server(listen)
        for option in ("-m0.4", "--wait=0.4"):
            with self.subTest(option=option):
                began = time.monotonic()
                done = self.run_connect(server.url(), option, "--expect", "x")
                self.assert_error(done, UNEXPECTED, "x")
                self.assertLess(time.monotonic() - began, 0.4 + NOW)

    def test_a_close_before_it_came_is_103(self):
        for code in (1000, 4000):
            server = self.ws_server(say("almost", close=(code, "enough")))
            self.assert_error(self.run_connect(server.url(), "--expect", "exactly"), UNEXPECTED,
                              "exactly", str(code))

    def test_a_loss_before_it_came_is_103(self):
        server = self.evil_server(evil.frames(evil.server_frame(TEXT, b"almost"), end="fin"))
        self.assert_error(self.run_connect(server.url(), "--expect", "exactly"), UNEXPECTED,
                          "exactly")

    def test_several_are_expected_in_their_order(self):
        server = self.ws_server(say("one", "two", "three"))
        done = self.run_connect(server.url(), "--expect", "one", "--expect", "three")
        self.assert_ends(done, OK)
        done = self.run_connect(server.url(), "--expect", "three", "--expect", "one",
                                "--wait=0.3")
        self.assert_error(done, UNEXPECTED, "one")

    def test_one_message_is_not_two_expectations(self):
        server = self.ws_server(say("one"))
        done = self.run_connect(server.url(), "--expect", "one", "--expect", "one", "--wait=0.3")
        self.assert_error(done, UNEXPECTED)

    def test_a_bad_pattern_is_bad_usage_and_nothing_is_dialled(self):
        server = self.evil_server(evil.silence)
        self.assert_error(self.run_connect(server.url(), "--expect", "(open"), USAGE, r"\(open")
        self.assertEqual(server.peers, [])

    def test_a_pattern_that_blows_up_ends_all_the_same(self):
        server = self.ws_server(say("a" * 5000 + "!", close=(1000, "")))
        began = time.monotonic()
        done = self.run_connect(server.url(), "--expect", "^(a+)+$")
        self.assert_error(done, UNEXPECTED)
        self.assertLess(time.monotonic() - began, NOW)

    def test_the_wait_begins_with_the_end_of_the_input(self):
        server = self.ws_server()
        program = self.connect(server.url(), "--expect", "last", "--wait=0.3")
        server.wait_peer()
        time.sleep(0.5)  # longer than the wait
        program.feed(b"last\n")
        self.assertEqual(program.wait().code, OK)


class Fulfilled(ConnectCase):
    """What was asked for has come: the exit code is 0, however the server parts."""

    def test_a_server_that_parts_badly_afterwards(self):
        def bad_frame(peer):
            peer.upgrade()
            peer.send(evil.server_frame(TEXT, b"done") + evil.server_frame(TEXT, b"", rsv=2))
            peer.stay()

        def no_answer(peer):
            peer.upgrade()
            peer.send_frame(TEXT, b"done")
            peer.read_until(CLOSE)
            peer.half_close()
            peer.stay()
        for behave in (bad_frame, no_answer):
            for args in (("--expect=done",), ("-1",)):
                with self.subTest(behave=behave.__name__, args=args):
                    done = self.run_connect(self.evil_server(behave).url(), *args)
                    self.assertEqual((done.code, done.out), (OK, b"done\n"), done)

    def test_a_close_that_was_expected_is_no_error(self):
        done = self.run_connect(self.ws_server(say(close=(1011, "oops"))).url(),
                                "--expect-close=1011")
        self.assertEqual(done.code, OK)
        self.assertNotIn("taburet:", done.err)


class ExpectClose(ConnectCase):
    def test_the_code_that_came_is_0_whatever_it_is(self):
        for code in (1000, 1001, 1011, 3000, 4999):
            with self.subTest(code=code):
                server = self.ws_server(answer_then_close(code))
                done = self.run_connect(server.url(), "-d", "x", f"--expect-close={code}")
                self.assert_ends(done, OK)

    def test_another_code_is_103_and_both_are_named(self):
        server = self.ws_server(answer_then_close(1000, "done"))
        done = self.run_connect(server.url(), "-d", "x", "--expect-close=4000")
        self.assert_error(done, UNEXPECTED, "4000", "1000")

    def test_no_close_in_time_is_103(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "-d", "x", "--wait=0.3", "--expect-close=1000")
        self.assert_error(done, UNEXPECTED, "1000")

    def test_our_own_close_is_not_the_servers(self):
        server = self.ws_server(listen)
        done = self.run_connect(server.url(), "-m", "0.4", "--expect-close=1000")
        self.assert_error(done, UNEXPECTED, "1000")

    def test_a_loss_is_1006_and_an_empty_close_1005(self):
        lost = self.evil_server(evil.frames(end="fin"))
        self.assert_ends(self.run_connect(lost.url(), "--expect-close=1006"), OK)
        self.assert_error(self.run_connect(lost.url(), "--expect-close=1000"), UNEXPECTED,
                          "1000", "1006|without a close")
        empty = self.evil_server(evil.frames(evil.server_frame(CLOSE)))
        self.assert_ends(self.run_connect(empty.url(), "--expect-close=1005"), OK)

    def test_a_message_and_then_a_close(self):
        server = self.ws_server(say("ready", close=(4001, "")))
        both = ("--expect", "ready", "--expect-close=4001")
        self.assert_ends(self.run_connect(server.url(), *both), OK)
        server = self.ws_server(say("steady", close=(4001, "")))
        self.assert_error(self.run_connect(server.url(), *both), UNEXPECTED, "ready")


if __name__ == "__main__":
    unittest.main()
