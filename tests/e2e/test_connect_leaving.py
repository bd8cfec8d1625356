"""When `taburet connect` leaves a conversation in a pipe, and how."""

import signal
import subprocess
import time
import unittest

import evilserver as evil
from connecting import INTERRUPTED, OK, TIMED_OUT, USAGE, ConnectCase, listen, say
from rawclient import TEXT
from support import SCALE

SHORT = "--wait=0.3"


class Leaving(ConnectCase):
    def test_the_end_of_the_input_waits_for_late_answers(self):
        server = self.evil_server(self.late_answer)
        self.assert_output(self.run_connect(server.url(), stdin=b"hi\n"), b"late")

    @staticmethod
    def late_answer(peer):
        peer.upgrade()
        peer.read_until(TEXT)
        time.sleep(0.4)  # the lateness itself is what is tested
        peer.send_frame(TEXT, b"late")
        peer.answer_close()

    def test_wait_is_kept_and_not_exceeded(self):
        server = self.ws_server(listen)
        for option, seconds in (("--wait=0", 0), ("--wait=0.5", 0.5), ("--wait=600ms", 0.6)):
            with self.subTest(option=option):
                began = time.monotonic()
                done = self.run_connect(server.url(), option, stdin=b"hi\n")
                took = time.monotonic() - began
                self.assertEqual(done.code, OK, done)
                self.assertGreaterEqual(took, seconds)
                self.assertLess(took, seconds + 2 * SCALE)

    def test_the_default_in_a_pipe_is_a_second(self):
        server = self.ws_server(listen)
        began = time.monotonic()
        self.assertEqual(self.run_connect(server.url(), "-d", "x").code, OK)
        self.assertGreaterEqual(time.monotonic() - began, 1.0)
        self.assertLess(time.monotonic() - began, 1 + 2 * SCALE)

    def test_minus_one_waits_for_ever(self):
        server = self.ws_server(listen)
        program = self.connect(server.url(), "--wait=-1", "-d", "x")
        server.wait_messages(["x"])
        program.end_input()
        with self.assertRaises(subprocess.TimeoutExpired):
            program.process.wait(1.5)

    def test_wait_zero_loses_nothing_that_was_to_be_sent(self):
        server = self.ws_server(listen)
        lines = [b"line %d" % n for n in range(2000)]
        self.run_connect(server.url(), "--wait=0", stdin=b"\n".join(lines))
        server.wait_messages([line.decode() for line in lines])
        self.assertEqual(server.wait_close()[0], 1000)

    def test_it_closes_politely(self):
        server = self.ws_server()
        self.run_connect(server.url(), "-d", "x", "--wait=0.1")
        self.assertEqual(server.wait_close(), (1000, ""))

    def test_close_code_and_reason_are_ours_to_choose(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "-d", "x", "--wait=0.1", "--close-code=4001",
                                "--close-reason=had enough")
        self.assertEqual(done.code, OK, done)
        self.assertEqual(server.wait_close(), (4001, "had enough"))

    def test_a_close_code_or_reason_that_cannot_be_sent_is_bad_usage(self):
        for option in ("--close-code=999", "--close-code=1005", "--close-code=5000",
                       "--close-code=65536", "--close-code=x", "--close-reason=" + "x" * 124):
            with self.subTest(option=option):
                self.assert_error(self.run_connect("ws://127.0.0.1:9/", option), USAGE,
                                  option.split("=")[0].strip("-"))

    def test_one_message(self):
        server = self.ws_server(say("one", "two"))
        for option in ("-1", "--one-message", "--max-messages=1"):
            self.assert_output(self.run_connect(server.url(), option), b"one")

    def test_as_many_messages(self):
        server = self.ws_server(say("one", "two", "three"))
        self.assert_output(self.run_connect(server.url(), "--max-messages", "2"), b"one", b"two")

    def test_one_message_with_an_open_stdin(self):
        server = self.ws_server(say("one", "two"))
        program = self.connect(server.url(), "-1")
        self.assertEqual(program.wait()[:2], (OK, b"one\n"))

    def test_a_close_by_the_server_ends_it_with_stdin_open(self):
        server = self.ws_server(say("bye", close=(1000, "")))
        program = self.connect(server.url())
        self.assertEqual(program.wait()[:2], (OK, b"bye\n"))

    def test_going_away_is_success(self):
        server = self.ws_server(say(close=(1001, "")))
        self.assertEqual(self.run_connect(server.url()).code, OK)

    def test_max_time(self):
        server = self.ws_server(listen)
        began = time.monotonic()
        done = self.run_connect(server.url(), "-m", "0.5", "--wait=-1", "-d", "x")
        self.assert_error(done, TIMED_OUT, "0.5|500")
        self.assertLess(time.monotonic() - began, 3 * SCALE)

    def test_connect_timeout_over_all_stages(self):
        for behave in (evil.silence, evil.dripping_head):
            with self.subTest(behave=behave.__name__):
                server = self.evil_server(behave)
                done = self.run_connect(server.url(), "--connect-timeout=0.4")
                self.assert_error(done, TIMED_OUT, str(server.port), "0.4|400")

    def test_connect_timeout_does_not_end_an_open_connection(self):
        server = self.ws_server()
        program = self.connect(server.url(), "--connect-timeout=0.3", SHORT)
        server.wait_peer()
        time.sleep(0.4)  # longer than the limit
        program.feed(b"still here\n")
        self.assertEqual(program.wait_lines(1), [b"still here"])

    def test_interrupt(self):

        server = self.ws_server()
        program = self.connect(server.url())
        server.wait_peer()
        program.feed(b"x\n")
        program.wait_lines(1)
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait().code, INTERRUPTED)
        self.assertIn(server.wait_close()[0], (1000, 1001))


if __name__ == "__main__":
    unittest.main()
