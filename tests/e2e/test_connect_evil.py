"""`taburet connect` against a server that does it wrong (evilserver.py): a clear word, an exit code
that is not 0, no hang, no spinning, and memory only as far as the limits go."""
# ctest: timeout 180

import re
import time
import unittest

import evilserver as evil
from connecting import (CLOSED, OK, RECV_FAILED, REFUSED, SEND_FAILED, TIMED_OUT, VIOLATION,
                        ConnectCase, rule)
from evilserver import (NO_CONTEXT, after_request, bomb, close_frame, closing, deflated, frames,
                        head, refusal, server_frame, split_text)
from rawclient import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, RSV2, RSV3, TEXT
from support import LIMIT, MIB, SCALE, unjudged_when_sanitized

LOST = (SEND_FAILED, RECV_FAILED)  # before the open


class EvilCase(ConnectCase):
    def assert_evil(self, behave, codes, *patterns, args=(), stdin=b"", limit=LIMIT):
        """The exit code (one, or one of several) and what stderr says; returns how it ended."""
        server = self.evil_server(behave)
        try:
            program = self.connect(server.url(), "--wait=-1", *args)
            if stdin:
                program.feed(stdin)
            done = program.wait(limit)
        finally:
            program.release()
        codes = codes if isinstance(codes, tuple) else (codes,)
        self.assertIn(done.code, codes, done)
        self.assert_error(done, done.code, *patterns)
        return done

    def assert_catalogue(self, catalogue):
        for name, behave, codes, *patterns in catalogue:
            with self.subTest(name):
                self.assert_evil(behave, codes, *patterns)

    def assert_quiet(self, behave, *args):
        """While the server does this, the program uses next to no processor time."""
        program = self.connect(self.evil_server(behave).url(), "--wait=-1", *args)
        program.cpu_share(0.2)
        self.assertIsNone(program.process.poll(), program.err)
        self.assertLess(program.cpu_share(0.3), 0.05 * SCALE)
        program.release()


class Handshake(EvilCase):
    def test_a_101_that_is_not_ours(self):
        self.assert_catalogue([
            ("wrong accept", after_request(head(accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
             VIOLATION, rule("RESPONSE_ACCEPT")),
            ("accept that is no base64", after_request(head(accept="\x01\x02")), VIOLATION),
            ("no accept", after_request(head(without=["Sec-WebSocket-Accept"])), VIOLATION,
             rule("RESPONSE_ACCEPT")),
            ("two accepts", after_request(head("Sec-WebSocket-Accept: x")), VIOLATION,
             rule("RESPONSE_ACCEPT")),
            ("no upgrade", after_request(head(without=["Upgrade"])), VIOLATION,
             rule("RESPONSE_UPGRADE")),
            ("upgrade to h2c", after_request(head("Upgrade: h2c", without=["Upgrade"])), VIOLATION,
             rule("RESPONSE_UPGRADE")),
            ("no connection", after_request(head(without=["Connection"])), VIOLATION,
             rule("RESPONSE_CONNECTION")),
            ("connection: close", after_request(head("Connection: close",
                                                     without=["Connection"])), VIOLATION,
             rule("RESPONSE_CONNECTION")),
            ("a body announced", after_request(head("Content-Length: 5", body=b"hello")),
             VIOLATION, rule("RESPONSE_BODY")),
        ])

    def test_subprotocols_and_extensions_that_nobody_asked_for(self):
        extension = "Sec-WebSocket-Extensions: "
        self.assert_catalogue([
            ("subprotocol", after_request(head("Sec-WebSocket-Protocol: chat")), VIOLATION,
             rule("RESPONSE_PROTOCOL")),
            ("extension", after_request(head(extension + "x-webkit-deflate-frame")), VIOLATION,
             rule("RESPONSE_EXTENSION")),
            ("extension twice", after_request(head(evil.DEFLATE, evil.DEFLATE)), VIOLATION,
             "(?i)extension|deflate"),
            ("extension twice in a line", after_request(
                head(evil.DEFLATE + ", permessage-deflate")), VIOLATION, "(?i)extension|deflate"),
            ("a thousand extensions", after_request(
                head(extension + ", ".join(f"x{n}" for n in range(1000)))), VIOLATION),
            ("extension that cannot be read", after_request(head(extension + "=;;,")), VIOLATION),
        ])
        for parameters in ("server_max_window_bits=7", "server_max_window_bits=16",
                           "server_max_window_bits=0", "server_max_window_bits=",
                           "server_max_window_bits=015", "server_max_window_bits=" + "9" * 20,
                           "server_max_window_bits", "client_max_window_bits=7",
                           "server_no_context_takeover=1", "unknown=1",
                           "server_no_context_takeover; server_no_context_takeover"):
            with self.subTest(parameters):
                self.assert_evil(after_request(head(f"{evil.DEFLATE}; {parameters}")), VIOLATION,
                                 rule("RESPONSE_DEFLATE"))
        with self.subTest("deflate that was not offered"):
            self.assert_evil(after_request(head(evil.DEFLATE)), VIOLATION,
                             rule("RESPONSE_EXTENSION"), args=["--no-deflate"])
        with self.subTest("another subprotocol than offered"):
            self.assert_evil(after_request(head("Sec-WebSocket-Protocol: Chat")), VIOLATION,
                             rule("RESPONSE_PROTOCOL"), args=["--subprotocol=chat"])

    def test_a_head_that_is_no_http(self):
        self.assert_catalogue([
            ("ssh", evil.ssh_banner, VIOLATION, "(?i)http|SSH"),
            ("tls", evil.tls_bytes, VIOLATION, "(?i)http|tls|wss"),
            ("empty lines", after_request(b"\r\n" * 10), VIOLATION),
            ("http/2", after_request(b"HTTP/2.0 101 x\r\n\r\n"), VIOLATION, rule("HTTP_VERSION")),
            ("a status of letters", after_request(b"HTTP/1.1 abc\r\n\r\n"), VIOLATION,
             rule("HTTP_SYNTAX")),
            ("a status of four digits", after_request(b"HTTP/1.1 1010 x\r\n\r\n"), VIOLATION,
             rule("HTTP_SYNTAX")),
            ("bare LF", after_request(evil.bare_lf), VIOLATION, rule("HTTP_BARE_LF")),
            ("a folded line", after_request(evil.folded), VIOLATION, rule("HTTP_FOLDED")),
            ("NUL in a header", after_request(head("X: a\0b")), VIOLATION, rule("HTTP_SYNTAX")),
            ("a header without a colon", after_request(head("nonsense")), VIOLATION,
             rule("HTTP_SYNTAX")),
            ("space before the colon", after_request(head("X : y")), VIOLATION,
             rule("HTTP_SYNTAX")),
            ("frames at once", after_request(server_frame(TEXT, b"hello")), VIOLATION),
            ("HTTP/1.0", after_request(lambda p: p.answer().replace(b"/1.1", b"/1.0")),
             VIOLATION),
        ])

    def test_a_head_without_end(self):
        big = ["X-%d: %s" % (n, "y" * 1000) for n in range(1024)]
        self.assert_catalogue([
            ("endless 1xx", evil.endless_1xx, (VIOLATION, TIMED_OUT)),
            ("1 MiB of headers", after_request(head(*big)), VIOLATION, "(?i)header"),
            ("1 MiB of one header", after_request(head("X: " + "y" * MIB)), VIOLATION,
             rule("HTTP_HEADER_TOO_LONG")),
            ("an endless header", evil.endless_header, VIOLATION, rule("HTTP_HEADER_TOO_LONG")),
            ("10,000 headers", after_request(head(*("X: y" for _ in range(10000)))), VIOLATION,
             "(?i)header"),
            ("an endless first line", after_request(b"HTTP/1.1 101 " + b"x" * MIB), VIOLATION,
             rule("HTTP_LINE_TOO_LONG")),
        ])

    def test_a_few_1xx_are_passed_over(self):
        server = self.evil_server(evil.many_1xx(3))
        self.assert_ends(self.run_connect(server.url(), "--wait=0.1"), OK)

    def test_the_end_at_each_stage(self):
        self.assert_catalogue([
            ("FIN at accept", evil.fin_at_accept, LOST),
            ("RST at accept", evil.rst_at_accept, LOST),
            ("RST in the request", evil.rst_in_request, LOST),
            ("FIN after the request", after_request(b"", "fin"), LOST),
            ("RST after the request", after_request(b"", "rst"), LOST),
            ("FIN in the status line", after_request(head(cut=9), "fin"), LOST),
            ("FIN in the head", after_request(head(cut=60), "fin"), LOST),
            ("RST in the head", after_request(head(cut=60), "rst"), LOST),
            ("FIN one byte early", after_request(head(cut=-1), "fin"), LOST),
            ("FIN after 101", after_request(head(), "fin"), CLOSED, "(?i)without a close|1006"),
            ("RST after 101", after_request(head(), "rst"), (CLOSED, RECV_FAILED)),
        ])

    def test_silence_and_dripping_end_with_the_deadline(self):
        for behave in (evil.silence, after_request(head(cut=40)), evil.dripping_head):
            self.assert_evil(behave, TIMED_OUT, args=["--connect-timeout=0.3"])
        self.assert_quiet(evil.silence)
        self.assert_quiet(evil.dripping_head)

    def test_hostile_bytes_in_the_head_reach_no_terminal(self):
        """assert_error looks for control characters."""
        server = self.evil_server(refusal("403 \x1b[2J\x9b31m", "X-\u202e: \x1b]0;owned\x07",
                                          body=b"\x1b[31mred\x9b\n\x07\xff"))
        done = self.run_connect(server.url(), "-v")
        self.assert_ends(done, REFUSED, "403")
        self.assertNotRegex(done.err, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


class Refusals(EvilCase):
    def test_every_status_is_22_and_shown_with_its_body(self):
        for status in ("200 OK", "204 No Content", "301 Moved Permanently", "400 Bad Request",
                       "401 Unauthorized", "403 Forbidden", "404 Not Found",
                       "407 Proxy Authentication Required", "426 Upgrade Required",
                       "429 Too Many Requests", "500 Internal Server Error",
                       "503 Service Unavailable", "599 Whatever"):
            with self.subTest(status):
                body = b"" if status.startswith("204") else b"because I say so\n"
                how = "close" if status.startswith("204") else "length"
                self.assert_evil(refusal(status, "X-Who: me", body=body, how=how), REFUSED,
                                 status[:3], body.decode().strip())

    def test_what_helps_is_said(self):
        for status, headers, hint in (
                ("301 Moved", ["Location: /there"], r"(?i)/there|--location|-L\b"),
                ("401 Unauthorized", ["WWW-Authenticate: Basic"], r"(?i)--user|-u\b|basic"),
                ("403 Forbidden", [], "(?i)origin"),
                ("426 Upgrade Required", ["Sec-WebSocket-Version: 8"], "(?i)version"),
                ("429 Too Many", ["Retry-After: 7"], "7"),
                ("503 Unavailable", ["Retry-After: 7"], "7")):
            with self.subTest(status):
                self.assert_evil(refusal(status, *headers), REFUSED, hint)

    def test_a_body_comes_in_every_shape(self):
        self.assert_catalogue([
            (how, refusal("400 No", body=b"this is why", how=how), REFUSED, "400", "this is why")
            for how in ("length", "chunked", "close", "cut")])

    def test_a_body_that_never_ends_is_cut_in_size_and_in_time(self):
        done = self.assert_evil(refusal("400 No", body=b"why ", how="endless"), REFUSED, "400",
                                "why")
        self.assertLess(len(done.err), MIB)
        began = time.monotonic()
        self.assert_evil(refusal("400 No", body=b"why ", how="short"), REFUSED, "400", "why",
                         args=["-m5"])
        self.assertLess(time.monotonic() - began, 8 * SCALE)

    def test_a_bad_chunk_does_not_hide_the_status(self):
        for body in (b"zz\r\n", b"5\r\nhelloX", b"ffffffffffffffffffff\r\nx", b"-1\r\n"):
            with self.subTest(body):
                self.assert_evil(after_request(
                    b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n" + body, "fin"),
                    (REFUSED, VIOLATION), "(?i)400|chunk")


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
        server = self.evil_server(evil.flood(
            server_frame(BINARY, b"x", length=16 * MIB), times=1))
        program = self.connect(server.url(), "--wait=-1")
        server.wait_peer()
        program.cpu_share(0.3)
        self.assertIsNone(program.process.poll(), program.err)
        self.assertLess(program.private_memory(), 12 * MIB)


class Closing(EvilCase):
    def test_a_close_without_a_code(self):
        done = self.assert_evil(closing(), CLOSED, "1005|without a code|no (status )?code")
        self.assertEqual(done.out, b"hello\n")

    def test_data_after_the_close_is_not_a_message(self):
        server = self.evil_server(evil.data_after_close)
        done = self.run_connect(server.url())
        self.assertIn(done.code, (OK, VIOLATION), done)
        self.assertEqual(done.out, b"")

    def test_a_server_that_never_answers_the_close_is_left(self):
        began = time.monotonic()
        server = self.evil_server(evil.deaf_to_close)
        done = self.run_connect(server.url(), "--wait=0", "-d", "x")
        self.assertIn(done.code, (CLOSED, TIMED_OUT), done)
        self.assertRegex(done.err, "(?i)close")
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
        self.assert_evil(behave, (CLOSED, TIMED_OUT), "(?i)ping|pong",
                         args=["--ping-interval=0.2", "--ping-timeout=0.3"])


if __name__ == "__main__":
    unittest.main()
