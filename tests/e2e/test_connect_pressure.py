"""`taburet connect` between a fast side and a slow one: no memory, no spinning, nothing lost."""
# ctest: serial

import os
import select
import signal
import threading
import time
import unittest

import evilserver as evil
from connecting import INTERRUPTED, NO_CONNECTION, NO_OUTPUT, OK, TIMED_OUT, ConnectCase, say
from rawclient import TEXT
from support import KIB, LIMIT, MIB, SCALE, unjudged_when_sanitized, wait_until


class Pressure(ConnectCase):
    """Neither side's slowness costs memory, and nothing is lost."""

    def test_stdin_is_not_read_before_the_open(self):
        server = self.evil_server(evil.silence)
        left, right = os.pipe()
        try:
            os.write(right, b"too early\n")
            self.run_connect(server.url(), "--connect-timeout=0.3", stdin=left)
            self.assertEqual(os.read(left, 100), b"too early\n")
        finally:
            os.close(left)
            os.close(right)

    def fill(self, pipe, block):
        """Writes until the program takes no more; returns how many bytes went in."""
        os.set_blocking(pipe, False)
        taken, last = 0, time.monotonic()
        while time.monotonic() - last < 0.5 and taken < 256 * MIB:
            try:
                taken += os.write(pipe, block)
                last = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        return taken

    def test_stdin_is_not_read_faster_than_the_net_takes_it(self):
        server = self.evil_server(evil.never_reading, rcvbuf=64 * KIB)
        program = self.connect(server.url(), "--no-deflate")
        server.wait_peer()
        block = (b"x" * 1023 + b"\n") * 64
        taken = self.fill(program.process.stdin.fileno(), block)
        self.assertGreater(taken, 64 * KIB)
        self.assertLess(taken, 24 * MIB)
        self.assertLess(program.cpu_share(0.3), 0.1 * SCALE)
        program.process.kill()

    @unjudged_when_sanitized
    def test_memory_stays_flat_when_the_net_does_not_take_it(self):
        server = self.evil_server(evil.never_reading, rcvbuf=64 * KIB)
        program = self.connect(server.url(), "--no-deflate")
        server.wait_peer()
        before = program.private_memory()
        self.fill(program.process.stdin.fileno(), (b"x" * 1023 + b"\n") * 64)
        self.assertLess(program.private_memory() - before, 4 * MIB)
        program.process.kill()

    def slow_reader(self, total, *options):
        """The program with a stdout that nobody reads, while the server sends `total` bytes."""
        text = b"y" * 1023

        def behave(peer):
            peer.upgrade()
            block = evil.server_frame(TEXT, text) * 64
            for _ in range(total // (64 * KIB)):
                peer.send(block)
            peer.close(1000)
        server = self.evil_server(behave)
        left, right = os.pipe()
        self.addCleanup(os.close, left)
        program = self.connect(server.url(), "--no-deflate", *options, stdout=right)
        os.close(right)
        return program, left, text + b"\n"

    def test_a_slow_reader_of_stdout_loses_nothing_and_costs_no_memory(self):
        total = 32 * MIB
        program, pipe, line = self.slow_reader(total)
        got = os.read(pipe, 100)
        wait_until(lambda: program.cpu_share(0.2) < 0.1 * SCALE, "it waits for its reader")
        memory = program.private_memory()
        while data := os.read(pipe, MIB):
            got += data
        self.assertEqual(len(got), total)
        self.assertEqual(got.count(line), total // KIB)
        self.assertEqual(program.wait().code, OK)
        if SCALE == 1:
            self.assertLess(memory, 16 * MIB)

    def test_an_echo_goes_on_when_both_sides_had_to_wait(self):
        """Our reader was slow, so we did not read; so the server could not take what we sent."""
        server = self.ws_server()
        lines = b"".join(b"%d %s\n" % (number, b"x" * 1000) for number in range(30000))
        for option in ("--no-deflate", "--deflate"):
            with self.subTest(option):
                left, right = os.pipe()
                program = self.connect(server.url(), option, "--wait=5", stdout=right)
                os.close(right)
                writer = threading.Thread(target=self.feed_all, args=(program, lines))
                writer.start()
                wait_until(lambda: program.cpu_share(0.3) < 0.05 * SCALE, "nobody can go on",
                           3 * LIMIT)
                got = bytearray()
                while len(got) < len(lines) and select.select([left], [], [], LIMIT)[0]:
                    got += os.read(left, MIB)
                self.assertEqual(len(got), len(lines))
                self.assertTrue(got == lines)
                program.signal(signal.SIGTERM)
                program.wait()
                writer.join()
                os.close(left)

    @staticmethod
    def feed_all(program, data):
        program.feed(data)
        program.end_input()

    def test_a_stdout_that_nobody_reads_does_not_outlive_the_limit(self):
        program, _, _ = self.slow_reader(4 * MIB, "-m", "1")
        done = program.wait()
        self.assertEqual(done.code, TIMED_OUT)
        self.assertRegex(done.err, "max-time")

    def test_a_stdout_that_nobody_reads_can_be_interrupted(self):
        program, _, _ = self.slow_reader(4 * MIB)
        wait_until(lambda: program.cpu_share(0.2) < 0.1 * SCALE, "it waits for its reader")
        program.signal(signal.SIGINT)
        program.signal(signal.SIGTERM)
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait().code, INTERRUPTED)

    def test_a_stderr_that_nobody_reads_stops_nothing(self):
        """What it has to say there is left out and counted; the messages are not."""
        def behave(peer):
            peer.upgrade()
            peer.send(evil.server_frame(TEXT, b"x") * 50000)
            peer.close(1000)
        left, right = os.pipe()
        self.addCleanup(os.close, left)
        program = self.connect(self.evil_server(behave).url(), "-vv", stderr=right)
        os.close(right)
        done = program.wait()
        self.assertEqual((done.code, len(done.out)), (OK, 100000))

    def test_an_output_file_keeps_its_content_until_there_is_something_new(self):
        path = self.home / "kept"
        path.write_text("what the last run brought")
        self.assertEqual(self.run_connect("ws://127.0.0.1:1/", "-o", path).code, NO_CONNECTION)
        self.assertEqual(path.read_text(), "what the last run brought")
        self.run_connect(self.ws_server(say("new", close=(1000, ""))).url(), "-o", path)
        self.assertEqual(path.read_text(), "new\n")

    def test_a_stdout_that_was_closed_is_exit_23(self):
        server = self.evil_server(evil.flood(evil.server_frame(TEXT, b"x" * 1000)))
        left, right = os.pipe()
        program = self.connect(server.url(), stdout=right)
        os.close(right)
        os.read(left, 10)
        os.close(left)
        self.assert_error(program.wait(), NO_OUTPUT, "(?i)output|stdout")

    def test_no_stdout_at_all_is_exit_23(self):
        done = self.run_connect(self.ws_server().url(), "-d", "hi", "-1", stdout=None,
                                preexec=lambda: os.close(1))
        self.assertEqual(done.code, NO_OUTPUT)

    def test_a_full_disk_is_exit_23(self):
        server = self.ws_server(say("x" * 10000, close=(1000, "")))
        with open("/dev/full", "wb") as full:
            done = self.run_connect(server.url(), stdout=full)
        self.assert_error(done, NO_OUTPUT, "No space left")

    def test_output_into_a_file(self):
        server = self.ws_server(say("one", "two", close=(1000, "")))
        path = self.home / "out"
        done = self.run_connect(server.url(), "-o", path)
        self.assertEqual((done.code, done.out, path.read_bytes()), (OK, b"", b"one\ntwo\n"))

    def test_an_output_file_that_cannot_be_made_is_known_before_anything_is_dialled(self):
        server = self.evil_server(evil.silence)
        done = self.run_connect(server.url(), "-o", "/nowhere/at/all")
        self.assert_error(done, NO_OUTPUT, "/nowhere/at/all")
        self.assertEqual(server.peers, [])

    def test_every_message_of_a_burst_with_the_close_comes_out(self):
        """What stands before the close in one segment is not lost."""
        data = b"".join(evil.server_frame(TEXT, b"%d" % n) for n in range(1000))
        server = self.evil_server(evil.frames(data, evil.close_frame(1000)))
        self.assert_output(self.run_connect(server.url()), *(b"%d" % n for n in range(1000)))

    def test_many_messages_both_ways(self):
        server = self.ws_server()
        lines = [b"message %d" % n for n in range(5000)]
        done = self.run_connect(server.url(), "--max-messages=5000", stdin=b"\n".join(lines))
        self.assert_output(done, *lines)


if __name__ == "__main__":
    unittest.main()
