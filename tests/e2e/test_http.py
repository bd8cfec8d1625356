"""Requests that are no upgrade, or none that may be accepted (RFC 6455 s.4.2, RFC 9112)."""

import time
import unittest

from support import SCALE, ServerCase
from rawclient import RawClient, frame, plain_request, request, TEXT

UPGRADE = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"


def with_line(line):
    """A good upgrade with one more header line, as bytes."""
    return (UPGRADE + line + "\r\n\r\n").encode("latin-1")


class HttpCase(ServerCase):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.server = self.serve()

    def ask(self, data, body=True):
        """One answer to these bytes, after which the server has left."""
        with RawClient(self.server) as client:
            client.try_send(data)
            answer = client.recv_response(body=body)
            rest, how = client.recv_until_gone()
            self.assertEqual(rest, b"", "something came after the answer")
            return answer

    def assert_refused(self, data, *statuses):
        answer = self.ask(data)
        self.assertIn(answer.status, statuses, (data[:300], answer))
        self.assertIn("close", answer.headers["connection"][0].lower())
        return answer


class Page(HttpCase):
    async def test_a_plain_get_is_426_with_a_page_that_says_how_to_connect(self):
        answer = self.ask(plain_request())
        self.assertEqual(answer.status, 426)
        connection = [t.strip().lower() for t in answer.headers["connection"][0].split(",")]
        self.assertIn("close", connection)
        self.assertIn("upgrade", connection)
        self.assertEqual(answer.headers["upgrade"], ["websocket"])
        self.assertEqual(answer.headers["sec-websocket-version"], ["13"])
        self.assertEqual(len(answer.body), int(answer.headers["content-length"][0]))
        self.assert_says_how(answer, "text/plain")

    async def test_a_browser_gets_it_as_html(self):
        accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        answer = self.ask(plain_request(headers=[("Host", "localhost"), ("Accept", accept)]))
        self.assertEqual(answer.status, 426)
        self.assert_says_how(answer, "text/html")

    def assert_says_how(self, answer, kind):
        self.assertTrue(answer.headers["content-type"][0].startswith(kind))
        page = answer.body.decode()
        self.assertIn("Taburet", page)
        self.assertIn(f"ws://localhost:{self.server.port}", page)
        self.assertIn("new WebSocket(", page)

    async def test_head_is_the_same_without_the_page(self):
        answer = self.ask(plain_request("HEAD"), body=False)
        self.assertIn(answer.status, (405, 426))
        self.assertIn("close", answer.headers["connection"][0].lower())

    async def test_health_and_other_paths_are_not_special(self):
        page = self.ask(plain_request()).body
        for path in ("/health", "/metrics", "/index.html", "/?a=b"):
            answer = self.ask(plain_request(path=path))
            self.assertEqual((answer.status, answer.body), (426, page), path)

    async def test_other_methods_are_405(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
            answer = self.assert_refused(plain_request(method), 405)
            self.assertIn("GET", answer.headers["allow"][0])
        self.assert_refused(plain_request("POST", headers=[("Host", "x"), ("Content-Length", "4")])
                            + b"body", 400, 405)
        self.assert_refused(request(method="POST"), 405)

    async def test_the_page_echoes_nothing_of_the_request(self):
        marker = "zzq<script>zzq"
        answer = self.ask(plain_request(path="/" + marker.replace("<", "%3C"),
                                        headers=[("Host", "localhost"), ("X-Any", marker),
                                                 ("Origin", marker)]))
        self.assertNotIn(b"zzq", answer.body)

    async def test_no_cors_header_is_ever_sent(self):
        for data in (plain_request(headers=[("Host", "localhost"), ("Origin", "http://x.test")]),
                     plain_request("OPTIONS", headers=[("Host", "x"), ("Origin", "http://x.test"),
                                                       ("Access-Control-Request-Method", "GET")])):
            answer = self.ask(data)
            self.assertFalse([n for n in answer.headers if n.startswith("access-control")])


class Handshake(HttpCase):
    async def test_version_other_than_13_is_426_and_says_13(self):
        for version in ("8", "12", "14", "0", "13, 8", "013", ""):
            answer = self.assert_refused(request([("Sec-WebSocket-Version", version)],
                                                 without=["Sec-WebSocket-Version"]), 426, 400)
            if version in ("8", "12", "14"):
                self.assertEqual(answer.status, 426)
                self.assertEqual(answer.headers["sec-websocket-version"], ["13"])

    async def test_what_is_missing_or_wrong_is_refused(self):
        for name in ("Sec-WebSocket-Key", "Host"):
            self.assert_refused(request(without=[name]), 400)
        self.assert_refused(request(without=["Sec-WebSocket-Version"]), 426, 400)
        self.assert_refused(request(without=["Connection"]), 400, 426)
        self.assert_refused(request(without=["Upgrade"]), 400, 426)
        for key in ("", "short", "A" * 24, "AAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAA=",
                    "AAAAAAAAAAAAAAAAAAAA!A==", "A" * 3000):
            self.assert_refused(request([("Sec-WebSocket-Key", key)],
                                        without=["Sec-WebSocket-Key"]), 400)
        self.assert_refused(request([("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]), 400)
        self.assert_refused(request([("Host", "other")]), 400)
        self.assert_refused(request(version="1.0"), 400)
        self.assert_refused(request(version="2.0"), 400, 505)

    async def test_names_and_tokens_are_not_case_sensitive(self):
        with RawClient(self.server) as client:
            client.send(b"GET / HTTP/1.1\r\nhOST: localhost\r\nupgrade: WebSocket\r\n"
                        b"CONNECTION: keep-alive, uPGRADE\r\nsec-websocket-key: "
                        b"dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n")
            answer = client.recv_response()
            self.assertEqual(answer.status, 101)
            self.assertEqual(answer.headers["sec-websocket-accept"],
                             ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])  # the example of RFC 6455 s.1.3

    async def test_frames_may_stand_right_behind_the_request(self):
        with RawClient(self.server) as client:
            client.send(request() + frame(TEXT, b"early"))
            self.assertEqual(client.recv_response().status, 101)
            self.assertEqual(client.recv_data().payload, b"early")

    async def test_undici_2229_deflate_window_bits_outside_8_to_15_are_never_agreed(self):
        for bits in ("7", "16", "0", "", "015", "1" + "0" * 20, "-1", '"', "8 9", "a"):
            for parameter in ("server_max_window_bits", "client_max_window_bits"):
                offer = f"permessage-deflate; {parameter}={bits}"
                with RawClient(self.server) as client:
                    answer = client.upgrade([("Sec-WebSocket-Extensions", offer)], expect=None)
                    self.assertIn(answer.status, (101, 400), offer)
                    self.assertNotIn("sec-websocket-extensions", answer.headers, offer)

    async def test_a_compressor_window_of_8_is_never_agreed(self):
        with RawClient(self.server) as client:
            offer = "permessage-deflate; server_max_window_bits=8"
            answer = client.upgrade([("Sec-WebSocket-Extensions", offer)])
            self.assertNotIn("server_max_window_bits=8",
                             answer.headers.get("sec-websocket-extensions", [""])[0])

    async def test_duplicated_and_unknown_extensions(self):
        twice = "permessage-deflate; client_no_context_takeover; client_no_context_takeover"
        for offer, agreed in ((twice, 0), ("x-unknown, permessage-deflate", 1),
                              ("permessage-deflate, permessage-deflate", 1),
                              (",".join(["x"] * 1000), 0)):
            with RawClient(self.server) as client:
                answer = client.upgrade([("Sec-WebSocket-Extensions", offer)], expect=None)
                self.assertIn(answer.status, (101, 400), offer[:80])
                if answer.status == 101:
                    got = answer.headers.get("sec-websocket-extensions", [""])
                    self.assertEqual(got[0].count("permessage-deflate"), agreed, offer[:80])

    async def test_cve_2021_32640_and_2020_7662_hostile_lists_are_read_in_linear_time(self):
        for value in ("b" + " " * 7000 + "x", 'x; y="' + "\\c" * 3500, "," * 7000,
                      "a;" * 3500, "=" * 7000, '"' * 7000):
            for name in ("Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Connection",
                         "Upgrade"):
                before = self.server.cpu()
                with RawClient(self.server) as client:
                    client.upgrade([(name, value)], expect=None)
                self.assertLess(self.server.cpu() - before, 0.05 * SCALE, (name, value[:20]))


class Smuggling(HttpCase):
    async def test_ambiguous_lengths_and_bodies_are_400(self):
        for line in ("Content-Length: 5\r\nTransfer-Encoding: chunked",
                     "Content-Length: 5\r\nContent-Length: 6",
                     "Content-Length: 5\r\nContent-Length: 5", "Transfer-Encoding: chunked",
                     "Transfer-Encoding: xchunked", "Content-Length: 5", "Content-Length: -1",
                     "Content-Length: 0x0", "Content-Length: 99999999999999999999999"):
            self.assert_refused(with_line(line), 400)

    async def test_lines_that_are_not_strictly_http_are_400(self):
        for line in ("X-Folded: a\r\n b", "X-Folded: a\r\n\tb", " X-Space: before",
                     "X-Bare: a\nb: c", "X-Space : a", "X Space: a", "no colon", ": no name",
                     "X-Nul: a\0b", "X-Cr: a\rb", "X-Del: a\x7fb", "X-Esc: a\x1bb", "Hos\xe9: x"):
            self.assert_refused(with_line(line), 400)

    async def test_bare_lf_everywhere_is_400(self):
        self.assert_refused(UPGRADE.replace("\r\n", "\n").encode() + b"\n", 400)

    async def test_first_lines_that_are_not_strictly_http_are_400(self):
        for line in ("GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET /", "/ HTTP/1.1",
                     "GET / http/1.1", "GET / HTTP/1", "G\x00T / HTTP/1.1", "GET /\x00 HTTP/1.1",
                     "GET\t/\tHTTP/1.1", "GET / HTTP/1.10"):
            data = UPGRADE.replace("GET / HTTP/1.1", line) + "\r\n"
            self.assert_refused(data.encode(), 400, 505)

    async def test_h2c_and_the_http2_preface_are_refused(self):
        upgrade = request([("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
                          without=["Upgrade"])
        self.assert_refused(upgrade, 400)
        self.assert_refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 405, 505)

    async def test_a_whole_uri_is_a_target_too(self):
        for target in ("http://localhost/", "https://localhost", "HTTP://other.test:80/a?b=c"):
            with RawClient(self.server) as client:
                client.send(request(path=target))
                self.assertEqual(client.recv_response().status, 101, target)
            self.assert_refused(request(path=target, without=["Host"]), 400)
            self.assert_refused(request([("Host", "other")], path=target), 400)
        self.assertEqual(self.ask(plain_request(path="http://localhost/")).status, 426)

    async def test_other_forms_of_target_are_refused(self):
        for target, method in (("ws://localhost/", "GET"), ("http://", "GET"), ("*", "GET"),
                               ("http://u@localhost/", "GET"), ("localhost:80", "GET"),
                               ("/chat#room", "GET"), ("http://localhost/#room", "GET"),
                               ("/<script>", "GET"), ("localhost:80", "CONNECT"), ("*", "OPTIONS")):
            self.assert_refused(request(path=target, method=method), 400, 405)

    async def test_a_later_http_1_is_understood(self):
        with RawClient(self.server) as client:
            client.send(request(version="1.2"))
            self.assertEqual(client.recv_response().status, 101)

    async def test_one_empty_line_before_the_request_is_ignored(self):
        with RawClient(self.server) as client:
            client.send(b"\r\n" + request())
            self.assertEqual(client.recv_response().status, 101)
        self.assert_refused(b"\r\n\r\n" + request(), 400)

    async def test_mitmproxy_39214_bytes_pipelined_after_a_refusal_are_dropped(self):
        for first in (plain_request(), plain_request("POST"), with_line("Content-Length: 5"),
                      request([("Upgrade", "h2c")], without=["Upgrade"])):
            answer = self.ask(first + request() + plain_request())  # ask() wants one answer
            self.assertGreaterEqual(answer.status, 400)

    async def test_cve_2024_37890_2000_headers_are_431_and_the_server_lives(self):
        self.assert_refused((UPGRADE + "X: y\r\n" * 2000 + "\r\n").encode(), 431)
        self.assert_refused((UPGRADE + "X: y\r\n" * 101 + "\r\n").encode(), 431)
        await self.assert_alive(self.server)

    async def test_long_lines_are_414_and_431(self):
        self.assert_refused(plain_request(path="/" + "a" * 8192), 414)
        self.assert_refused(plain_request(path="/" + "a" * 65536), 414)
        self.assert_refused(with_line("X: " + "y" * 8192), 431)
        self.assert_refused(with_line("\r\n".join(f"X{i}: " + "y" * 6000 for i in range(3))), 431)
        self.assertEqual(self.ask(plain_request(path="/" + "a" * 7000)).status, 426)
        await self.assert_alive(self.server)

    async def test_an_endless_line_is_refused_before_it_ends(self):
        for start, status in (("GET /", 414), (UPGRADE + "X: ", 431)):
            with RawClient(self.server) as client:
                client.try_send(start.encode() + b"a" * 9000)
                self.assertEqual(client.recv_response().status, status)

    async def test_cve_2023_43669_a_header_of_8_kib_byte_by_byte_is_linear(self):
        data = with_line("X: " + "y" * 8000)
        before = self.server.cpu()
        with RawClient(self.server) as client:
            for i in range(len(data)):
                client.send(data[i:i + 1])
            self.assertEqual(client.recv_response().status, 101)
        self.assertLess(self.server.cpu() - before, 1.0 * SCALE)

    async def test_aiohttp_23334_paths_that_climb_lead_nowhere(self):
        for path in ("/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/%00",
                     "/..%5c..%5c", "/.git/config"):
            answer = self.ask(plain_request(path=path))
            self.assertEqual(answer.status, 426, path)
            self.assertNotIn(b"root:", answer.body)

    async def test_a_storm_of_refusals_leaves_nothing_behind(self):
        descriptors = self.server.descriptors()
        began = time.monotonic()
        for i in range(500):
            self.assert_refused(plain_request("POST") if i % 2 else with_line("X Y: z"), 400, 405)
        self.assertLess(time.monotonic() - began, 10 * SCALE)
        await self.assert_alive(self.server)
        self.assertLessEqual(self.server.descriptors(), descriptors + 1)


if __name__ == "__main__":
    unittest.main()
