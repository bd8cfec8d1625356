"""`taburet connect` against a server that does it wrong (evilserver.py): frames and floods.
A clear word, an exit code that is not 0, no hang, no spinning."""
# ctest: timeout 120

import threading
import time
import unittest

import evilserver as evil
from connecting import OK, VIOLATION, EvilCase, rule
from evilserver import NO_CONTEXT, bomb, close_frame, deflated, frames, server_frame, split_text
from rawclient import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, RSV2, RSV3, TEXT
from support import LIMIT, MIB, unjudged_when_sanitized


class Frames(EvilCase):
    def test_a_header_that_breaks_a_rule(self):
        rows = [("masked", server_frame(TEXT, b"hi", masked=True), "FRAME_MASK_PRESENT")]
        rows += [(f"RSV {rsv}", server_frame(TEXT, b"hi", rsv=rsv), "FRAME_RSV")
                 for rsv in (RSV1, RSV2, RSV3, 7)]
        rows += [(f"opcode {op}", server_frame(op, b"hi"), "FRAME_OPCODE")
                 for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)]
        rows += [
            ("fragmented ping", server_frame(PING, b"hi", fin=False), "CONTROL_FRAGMENTED"),
            ("fragmented close", server_frame(CLOSE, b"", fin=False), "CONTROL_FRAGMENTED"),
            ("long ping", server_frame(PING, b"x" * 126), "CONTROL_TOO_LONG"),
            ("continuation alone", server_frame(CONTINUATION, b"x"), "CONTINUATION_ALONE"),
            ("continuation after the end", split_text(b"a", b"b")
             + server_frame(CONTINUATION, b"x"), "CONTINUATION_ALONE"),
            ("interleaved", server_frame(TEXT, b"a", fin=False) + server_frame(TEXT, b"b"),
             "MESSAGE_INTERLEAVED"),
            ("interleaved binary", server_frame(TEXT, b"a", fin=False)
             + server_frame(BINARY, b"b", fin=False), "MESSAGE_INTERLEAVED"),
            ("overlong 2", server_frame(TEXT, b"hi", len_size=2), "FRAME_LENGTH_NOT_MINIMAL"),
            ("overlong 8", server_frame(TEXT, b"hi", len_size=8), "FRAME_LENGTH_NOT_MINIMAL"),
            ("overlong 8 of 126", server_frame(TEXT, b"x" * 126, len_size=8),
             "FRAME_LENGTH_NOT_MINIMAL"),
        ]
        self.assert_catalogue([(name, frames(data), VIOLATION, rule(broken))
                               for name, data, broken in rows])

    def test_lengths_that_overflow(self):
        for length, broken in ((2**63, "FRAME_LENGTH_HIGH_BIT"), (2**64 - 1,
                                                                  "FRAME_LENGTH_HIGH_BIT"),
                               (2**63 - 1, "MESSAGE_TOO_BIG"), (2**32 + 1, "MESSAGE_TOO_BIG"),
                               (2**32, "MESSAGE_TOO_BIG"), (2**32 - 1, "MESSAGE_TOO_BIG"),
                               (2**31 + 1, "MESSAGE_TOO_BIG"), (2**31, "MESSAGE_TOO_BIG"),
                               (2**31 - 1, "MESSAGE_TOO_BIG"), (16 * MIB + 1, "MESSAGE_TOO_BIG")):
            with self.subTest(length):
                self.assert_evil(frames(server_frame(BINARY, b"x", length=length)), VIOLATION,
                                 rule(broken))
        with self.subTest("as a continuation"):
            self.assert_evil(frames(server_frame(BINARY, b"x", fin=False) + server_frame(
                CONTINUATION, b"", length=2**63 - 1)), VIOLATION, rule("MESSAGE_TOO_BIG"))

    def test_the_limit_of_a_message_is_exact_and_ours_to_set(self):
        ok = frames(server_frame(TEXT, b"x" * 1000), close_frame(1000))
        for size, data in ((1000, b"x" * 1000), (1000, b"x" * 999)):
            server = self.evil_server(frames(server_frame(TEXT, data), close_frame(1000)))
            self.assert_ends(self.run_connect(server.url(), f"--max-message-size={size}"), OK)
        self.assert_evil(ok, VIOLATION, rule("MESSAGE_TOO_BIG"), args=["--max-message-size=999"])
        self.assert_evil(frames(split_text(b"x" * 600, b"x" * 600)), VIOLATION,
                         rule("MESSAGE_TOO_BIG"), args=["--max-message-size=1K"])

    def test_text_that_is_not_utf8_wherever_it_is_cut(self):
        for parts in ((b"\xff",), (b"\xc3",), (b"a\xc3", b"\x28"), (b"\xe2", b"\x82", b""),
                      (b"\xed\xa0\x80",), (b"\xf4\x90", b"\x80\x80"), (b"\xc0\xaf",),
                      (b"ok", b"", b"\x80")):
            with self.subTest(parts):
                self.assert_evil(frames(split_text(*parts)), VIOLATION, rule("TEXT_NOT_UTF8"))

    def test_a_bad_close_frame(self):
        rows = [("one byte", close_frame(raw=b"\x03"), "CLOSE_TRUNCATED"),
                ("bad UTF-8 reason", close_frame(1000, b"\xff"), "CLOSE_NOT_UTF8")]
        rows += [(str(code), close_frame(code), "CLOSE_CODE")
                 for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)]
        self.assert_catalogue([(name, frames(data), VIOLATION, rule(broken))
                               for name, data, broken in rows])

    def test_the_server_is_told_why(self):
        """The close frame that it gets has the rule's code and sentence."""
        told = []

        def behave(peer):
            peer.upgrade()
            peer.send_frame(TEXT, b"\xff")
            told.append(peer.read_until(CLOSE).payload)
        self.assert_evil(behave, VIOLATION)
        self.assertEqual(int.from_bytes(told[0][:2], "big"), 1007)
        self.assertRegex(told[0][2:].decode(), rule("TEXT_NOT_UTF8"))

    def test_messages_before_the_bad_frame_are_not_lost(self):
        done = self.assert_evil(frames(server_frame(TEXT, b"good") * 3,
                                       server_frame(3)), VIOLATION)
        self.assertEqual(done.out, b"good\n" * 3)

    def test_nothing_of_a_bad_message_comes_out(self):
        done = self.assert_evil(frames(server_frame(TEXT, b"begun", fin=False),
                                       server_frame(CONTINUATION, b"\xff")), VIOLATION)
        self.assertEqual(done.out, b"")

    def test_a_bad_frame_leaves_nothing_to_spin_on(self):
        server = self.evil_server(frames(server_frame(3)))
        began = time.monotonic()
        program = self.connect(server.url(), "--wait=-1")
        program.process.wait(LIMIT)
        self.assertLess(time.monotonic() - began, LIMIT / 2)

    def test_compressed_messages_that_are_wrong(self):
        agreed = [NO_CONTEXT]
        self.assert_catalogue([
            ("not deflate", frames(server_frame(TEXT, b"\xff" * 20, rsv=RSV1), headers=agreed),
             VIOLATION, rule("DEFLATE_DATA")),
            ("a reserved block", frames(server_frame(TEXT, b"\x07", rsv=RSV1), headers=agreed),
             VIOLATION, rule("DEFLATE_DATA")),
            ("a distance too far", frames(server_frame(TEXT, b"\x02\x04\x10", rsv=RSV1),
                                          headers=agreed), VIOLATION),
            ("RSV1 on a continuation", frames(
                server_frame(TEXT, deflated(b"a"), fin=False, rsv=RSV1)
                + server_frame(CONTINUATION, b"", rsv=RSV1), headers=agreed), VIOLATION,
             rule("FRAME_RSV")),
            ("RSV1 on a ping", frames(server_frame(PING, b"", rsv=RSV1), headers=agreed),
             VIOLATION, rule("FRAME_RSV")),
            ("bad UTF-8 inside", frames(server_frame(TEXT, deflated(b"\xff"), rsv=RSV1),
                                        headers=agreed), VIOLATION, rule("TEXT_NOT_UTF8")),
            ("RSV1 without an agreement", frames(server_frame(TEXT, deflated(b"a"), rsv=RSV1)),
             VIOLATION, rule("FRAME_RSV")),
        ])

    def test_a_bomb(self):
        self.assert_evil(frames(bomb(256 * MIB), headers=[NO_CONTEXT]), VIOLATION,
                         rule("MESSAGE_TOO_BIG"))
        self.assert_evil(frames(bomb(4 * MIB), headers=[NO_CONTEXT]), VIOLATION,
                         rule("MESSAGE_TOO_BIG"), args=["--max-message-size=1M"])

    def test_a_lawful_server_byte_by_byte(self):
        data = (split_text("\u20ac".encode()[:1], "\u20ac".encode()[1:]) + server_frame(PING, b"p")
                + server_frame(TEXT, b"x" * 300))
        server = self.evil_server(evil.dripping_frames(data))
        self.assert_output(self.run_connect(server.url(), "--max-messages=2"),
                           "\u20ac".encode(), b"x" * 300)

    def test_empty_messages_are_messages(self):
        server = self.evil_server(frames(server_frame(TEXT) * 2, split_text(b"", b""),
                                         close_frame(1000)))
        self.assert_output(self.run_connect(server.url()), b"", b"", b"")


class Floods(EvilCase):
    def test_a_flood_of_pings_that_nobody_reads_the_answers_of(self):
        def behave(peer):
            peer.upgrade()
            for _ in range(50):
                peer.send(server_frame(PING, b"x" * 125) * 2000)
            peer.send(server_frame(TEXT, b"survived"))
            peer.answer_close()
        server = self.evil_server(behave)
        program = self.connect(server.url(), "-1")
        self.assertEqual(program.wait()[:2], (OK, b"survived\n"))

    @unjudged_when_sanitized
    def test_pings_pongs_and_fragments_cost_no_memory(self):
        for data in (server_frame(PING, b"x" * 125), server_frame(PONG, b"x" * 125)):
            server = self.evil_server(evil.flood(data * 500))
            program = self.connect(server.url(), "--wait=-1")
            program.cpu_share(0.3)
            before = program.private_memory()
            program.cpu_share(0.5)
            self.assertIsNone(program.process.poll(), program.err)
            self.assertLess(program.private_memory() - before, MIB)
            program.release()

    def test_fragments_without_end(self):
        def behave(peer):
            peer.upgrade()
            peer.send(server_frame(TEXT, b"", fin=False))
            while True:
                peer.send(server_frame(CONTINUATION, b"", fin=False) * 10000)
        self.assert_evil(behave, VIOLATION,
                         f"{rule('TOO_MANY_FRAGMENTS')}|{rule('MESSAGE_TOO_BIG')}")

    @unjudged_when_sanitized
    def test_what_is_announced_is_not_allocated(self):
        def behave(peer):
            peer.upgrade()
            self.assertTrue(measured.wait(LIMIT))
            peer.send(server_frame(BINARY, b"x", length=16 * MIB))
            peer.stay()
        measured = threading.Event()
        program = self.connect(self.evil_server(behave).url(), "--wait=-1", "-v")
        program.wait_err("101")
        before = program.private_memory()
        measured.set()
        program.cpu_share(0.3)
        self.assertIsNone(program.process.poll(), program.err)
        self.assertLess(program.private_memory() - before, MIB)


if __name__ == "__main__":
    unittest.main()
