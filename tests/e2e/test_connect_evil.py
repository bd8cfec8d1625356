"""`taburet connect` against a server that does it wrong (evilserver.py): the handshake.
A clear word, an exit code that is not 0, no hang, no spinning."""
# ctest: timeout 120

import re
import time
import unittest

import evilserver as evil
from connecting import (CLOSED, OK, RECV_FAILED, REFUSED, SEND_FAILED, TIMED_OUT, VIOLATION,
                        EvilCase, rule)
from evilserver import after_request, head, refusal, server_frame
from rawclient import TEXT
from support import MIB, SCALE

LOST = (SEND_FAILED, RECV_FAILED)  # before the open


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
            ("tls", evil.tls_bytes, (VIOLATION, *LOST)),
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
            ("frames at once", after_request(server_frame(TEXT, b"hello\r\n\r\n")), VIOLATION),
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
        hostile = "\u202e\x85".encode().decode("latin-1")
        server = self.evil_server(refusal("403 \x1b[2J\x9b31m", "X-A: " + hostile, "X-B: \x9b1m",
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
                                 status[:3], re.escape(body.decode().strip()) or status[:3])

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


if __name__ == "__main__":
    unittest.main()
