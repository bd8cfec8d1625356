"""`taburet connect` against a server that does it wrong (evilserver.py): the close and the end.
A clear word, an exit code that is not 0, no hang, no spinning."""
# ctest: timeout 120

import re
import time
import unittest

import evilserver as evil
from connecting import CLOSED, OK, TIMED_OUT, EvilCase
from evilserver import close_frame, closing, frames, server_frame
from rawclient import CLOSE, TEXT
from support import SCALE, json_lines


class Closing(EvilCase):
    def test_a_close_without_a_code(self):
        """1005 is neither 1000 nor 1001; whoever has a server that closes so can say so."""
        url = self.evil_server(closing()).url()
        done = self.run_connect(url)
        self.assertEqual((done.code, done.out), (CLOSED, b"hello\n"), done)
        self.assertRegex(done.err, "1005")
        self.assertEqual(self.run_connect(url, "--expect-close=1005").code, OK)

    def test_a_close_is_told_when_it_comes_not_when_tcp_ends(self):
        def behave(peer):
            peer.upgrade()
            peer.send(close_frame(1000, b"bye"))
            peer.read_until(CLOSE)
            peer.stay()
        start = time.monotonic()
        done = self.run_connect(self.evil_server(behave).url(), "--output-format=json")
        self.assertEqual(done.code, OK)
        self.assertLess(time.monotonic() - start, 3 * SCALE)
        event = json_lines(done.out)[-1]
        self.assertEqual((event["ev"], event["code"]), ("close", 1000))
        self.assertLess(event["t"], 1.0 * SCALE)

    def test_leaving_without_a_close_is_ours(self):
        done = self.run_connect(self.ws_server().url(), "--no-close", "--wait=0.1",
                                "--output-format=json")
        self.assertEqual(done.code, OK)
        self.assertEqual(json_lines(done.out)[-1]["from"], "client")

    def test_data_after_the_close_is_not_a_message(self):
        server = self.evil_server(evil.data_after_close)
        done = self.run_connect(server.url())
        self.assert_ends(done, OK)
        self.assertEqual(done.out, b"")

    def test_a_server_that_never_answers_the_close_is_left(self):
        began = time.monotonic()
        server = self.evil_server(evil.deaf_to_close)
        done = self.run_connect(server.url(), "--wait=0", "-d", "x")
        self.assert_error(done, CLOSED, "(?i)did not answer our close")
        self.assertLess(time.monotonic() - began, 7 * SCALE)

    def test_the_end_instead_of_the_close_answer(self):
        for how in ("fin", "rst"):
            with self.subTest(how):
                server = self.evil_server(evil.end_instead_of_close(how))
                done = self.run_connect(server.url(), "--wait=0", "-d", "x")
                self.assert_error(done, CLOSED, "(?i)close|1006")

    def test_the_end_in_a_frame_or_a_message(self):
        whole = server_frame(TEXT, b"x" * 1000)
        self.assert_catalogue([
            (f"{end} in {what}", frames(data, end=end), CLOSED)
            for end in ("fin", "rst")
            for what, data in (("a header", whole[:1]), ("a length", whole[:3]),
                               ("a payload", whole[:500]),
                               ("a message", server_frame(TEXT, b"x", fin=False)),
                               ("a close frame", close_frame(1000, b"bye")[:3]))])

    def test_a_server_that_never_closes_its_socket_is_left(self):
        def behave(peer):
            peer.upgrade()
            peer.send(close_frame(1000, b"bye"))
            peer.read_until(CLOSE)
            peer.stay()
        began = time.monotonic()
        self.assert_ends(self.run_connect(self.evil_server(behave).url()), OK)
        self.assertLess(time.monotonic() - began, 7 * SCALE)

    def test_a_reason_from_hell_reaches_no_terminal(self):
        server = self.evil_server(frames(close_frame(4000, "\x1b[2J\u202e\u0085\n\ttaburet: fake"
                                                     .encode())))
        done = self.run_connect(server.url())
        self.assert_error(done, CLOSED, "4000")
        self.assertNotRegex(done.err, "[\u202e\u0085]")
        self.assertIsNone(re.search(r"(?m)^\ttaburet|^taburet: fake", done.err))

    def test_nothing_read_and_nothing_said_costs_no_processor_time(self):
        self.assert_quiet(evil.deaf_to_close)
        self.assert_quiet(frames(server_frame(TEXT, b"begun", fin=False)))

    def test_no_answer_to_our_ping_is_a_loss(self):
        def behave(peer):
            peer.upgrade()
            peer.stay()
        self.assert_evil(behave, TIMED_OUT, "(?i)ping|pong",
                         args=["--ping-interval=0.2", "--ping-timeout=0.3"])


if __name__ == "__main__":
    unittest.main()
