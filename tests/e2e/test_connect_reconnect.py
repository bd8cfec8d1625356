"""`taburet connect --reconnect`: it comes back after a loss, and says when."""

import signal
import socket
import threading
import time
import unittest

import evilserver as evil
from connecting import CLOSED, OK, REFUSED, ConnectCase, say
from rawclient import CLOSE, TEXT, close_body
from support import LIMIT, SCALE, wait_until

SOON = "--reconnect=3,50ms"


class Reconnect(ConnectCase):
    def flaky(self, losses, end="fin"):
        """A server that loses its first clients after a hello and keeps the next."""
        def behave(peer):
            number = server.peers.index(peer)
            peer.upgrade()
            peer.send_frame(TEXT, b"hello %d" % number)
            if number < losses:
                if end == "rst":
                    peer.reset()
                return
            peer.answer_close()
        server = self.evil_server(behave)
        return server

    def test_it_comes_back_and_goes_on(self):
        done = self.run_connect(self.flaky(2).url(), SOON, "--max-messages=3")
        self.assert_output(done, b"hello 0", b"hello 1", b"hello 2")

    def test_it_says_the_loss_and_when_it_tries_again(self):
        done = self.run_connect(self.flaky(1).url(), SOON, "--max-messages=2")
        self.assertRegex(done.err, "(?i)without a close|1006")
        self.assertRegex(done.err, r"(?i)(again|reconnect).*(50 ?ms|0\.05)")

    def test_a_close_with_an_error_code_is_a_loss_too(self):
        server = self.ws_server(say("x", close=(1012, "restarting")))
        done = self.run_connect(server.url(), SOON, "--max-messages=3")
        self.assert_output(done, b"x", b"x", b"x")
        self.assertRegex(done.err, "1012.*restarting")

    def test_input_waits_while_a_server_takes_its_time_to_part(self):
        """Nothing is read that could not be sent any more."""
        def behave(peer):
            first = server.peers.index(peer) == 0
            peer.upgrade()
            got.append(peer.read_until(TEXT).payload)
            if not first:
                got.append(peer.read_until(TEXT).payload)
                peer.answer_close()
                return
            peer.send_frame(CLOSE, close_body(1001))
            peer.read_until(CLOSE)
            parted.set()
            fed.wait(LIMIT)
        got, parted, fed = [], threading.Event(), threading.Event()
        server = self.evil_server(behave)
        program = self.connect(server.url(), SOON)
        program.feed(b"one\n")
        self.assertTrue(parted.wait(LIMIT))
        program.feed(b"two\nthree\n")
        fed.set()
        wait_until(lambda: len(got) == 3, "all of it arrives")
        program.end_input()
        program.wait()
        self.assertEqual(got, [b"one", b"two", b"three"])

    def test_a_normal_close_is_no_loss(self):
        server = self.ws_server(say("x", close=(1000, "")))
        self.assert_ends(self.run_connect(server.url(), SOON), OK)
        self.assertEqual(len(server.peers), 1)

    def test_after_as_many_tries_in_a_row_it_gives_up(self):
        def behave(peer):
            if server.peers.index(peer) == 0:
                peer.upgrade()
                return
            evil.refusal("503 Unavailable")(peer)
        server = self.evil_server(behave)
        done = self.run_connect(server.url(), SOON)
        self.assert_error(done, REFUSED, "503")
        self.assertEqual(len(server.peers), 4)

    def test_a_server_that_is_away_for_a_while(self):
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        holder.close()
        first = self.ws_server(say("before", close=(1011, "")), port=port)
        program = self.connect(first.url(), "--reconnect=100,100ms", "--max-messages=2")
        program.wait_lines(1)
        first.stop()
        program.wait_err("(?i)again|reconnect")
        self.ws_server(say("after"), port=port)
        self.assertEqual(program.wait().code, OK)
        self.assertTrue(program.out.endswith(b"after\n"), program.out)

    def test_it_does_not_hammer(self):
        """Without numbers of ours, the pause between tries grows."""
        server = self.flaky(1000)
        program = self.connect(server.url(), "--reconnect")
        program.wait_lines(1)
        time.sleep(1.5)  # the rate itself is what is tested
        self.assertLess(len(server.peers), 12)

    def test_what_was_typed_meanwhile_is_sent_afterwards(self):
        got = []

        def behave(peer):
            peer.upgrade()
            if server.peers.index(peer) == 0:
                return
            got.append(peer.read_until(TEXT).payload)
            peer.send_frame(TEXT, b"thanks")
            peer.answer_close()
        server = self.evil_server(behave)
        program = self.connect(server.url(), "--reconnect=5,300ms", "-1")
        program.wait_err("(?i)again|reconnect")
        program.feed(b"meanwhile\n")
        self.assertEqual(program.wait().code, OK)
        self.assertEqual(got, [b"meanwhile"])

    def test_an_interrupt_ends_the_waiting(self):
        server = self.flaky(100)
        program = self.connect(server.url(), "--reconnect=5,60s")
        program.wait_err("(?i)again|reconnect")
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(3 * SCALE).code, 130)

    def test_a_server_that_never_let_us_in_is_no_loss(self):
        server = self.evil_server(evil.refusal("403 Forbidden"))
        self.assert_ends(self.run_connect(server.url(), SOON), REFUSED, "403")
        self.assertEqual(len(server.peers), 1)

    def test_without_it_a_loss_is_the_end(self):
        server = self.flaky(1)
        self.assert_ends(self.run_connect(server.url()), CLOSED)
        self.assertEqual(len(server.peers), 1)


if __name__ == "__main__":
    unittest.main()
