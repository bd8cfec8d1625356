"""How `taburet connect` gets to its server, and what it says to it there."""

import base64
import socket
import time
import unittest

import evilserver as evil
from connecting import (NO_CONNECTION, OK, REFUSED, USAGE, ConnectCase, listen)
from rawclient import TEXT
from support import SCALE, has_ipv6

HELLO = ("-d", "hi", "-1")
SECRET = "hunter2"
needs_ipv6 = unittest.skipUnless(has_ipv6(), "this machine has no IPv6")


class DialCase(ConnectCase):
    def assert_hello(self, *args, **settings):
        done = self.run_connect(*args, *HELLO, **settings)
        self.assert_output(done, b"hi")
        return done


class Routes(DialCase):
    def test_resolve(self):
        server = self.ws_server()
        host = "chat.example"
        self.assert_hello(f"ws://{host}:{server.port}/", "--resolve",
                          f"{host}:{server.port}:127.0.0.1")
        self.assertEqual(server.wait_peer().headers["Host"], f"{host}:{server.port}")

    def test_resolve_to_several_addresses(self):
        server = self.ws_server()
        self.assert_hello(f"ws://a.example:{server.port}/", "--resolve",
                          f"a.example:{server.port}:127.0.0.2,127.0.0.1")

    def test_resolve_of_another_port_does_not_count(self):
        done = self.run_connect("ws://a.invalid:81/", "--resolve", "a.invalid:82:127.0.0.1")
        self.assertEqual(done.code, 6, done)

    def test_connect_to(self):
        server = self.ws_server()
        for rule in (f"a.invalid:80:127.0.0.1:{server.port}", f"::127.0.0.1:{server.port}",
                     f"a.invalid::127.0.0.1:{server.port}"):
            with self.subTest(rule):
                self.assert_hello("ws://a.invalid/", "--connect-to", rule)
        self.assertEqual(server.peers[0].headers["Host"], "a.invalid")

    def test_unix_socket(self):
        path = self.home / "socket"
        server = self.ws_server(unix=path)
        self.assert_hello("ws://any.name/path", "--unix-socket", path)
        self.assertEqual(server.peers[0].headers["Host"], "any.name")
        self.assertEqual(server.peers[0].path, "/path")

    def test_a_unix_socket_that_is_not_there(self):
        done = self.run_connect("ws://any/", "--unix-socket", self.home / "none")
        self.assert_error(done, NO_CONNECTION, "none", "(?i)no such file")

    def test_ipv4_and_ipv6_alone(self):
        server = self.ws_server(host="127.0.0.1")
        self.assert_hello(server.url(host="localhost"), "-4")
        done = self.run_connect(server.url(host="localhost"), "-6")
        self.assertIn(done.code, (6, NO_CONNECTION), done)
        self.assert_error(done, done.code, "localhost")

    @needs_ipv6
    def test_ipv6(self):
        server = self.ws_server(host="::1")
        self.assert_hello(server.url())
        self.assert_hello(server.url(), "-6")
        self.assertEqual(server.peers[0].headers["Host"], f"[::1]:{server.port}")
        self.assertNotEqual(self.run_connect(server.url(), "-4").code, OK)

    def test_interface_by_name_and_by_address(self):
        server = self.evil_server(self.who)
        for interface, address in (("lo", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"),
                                   ("127.0.0.3", "127.0.0.3")):
            with self.subTest(interface):
                done = self.run_connect(server.url(), "--interface", interface)
                self.assert_output(done, address.encode())

    @staticmethod
    def who(peer):
        """Tells the client its address."""
        peer.upgrade()
        peer.send_frame(TEXT, peer.sock.getpeername()[0].encode())
        peer.close(1000)

    def test_an_interface_that_is_not_there(self):
        server = self.evil_server(evil.silence)
        done = self.run_connect(server.url(), "--interface", "nosuchif0")
        self.assert_error(done, NO_CONNECTION, "nosuchif0")

    @needs_ipv6
    def test_a_dead_family_costs_no_second(self):
        """Happy eyeballs (RFC 8305): the first address hangs, the next is tried meanwhile."""
        server = self.ws_server()
        hang = self.hanging_ipv6(server.port)
        began = time.monotonic()
        self.assert_hello(f"ws://both.example:{server.port}/", "--resolve",
                          f"both.example:{server.port}:[{hang}],127.0.0.1")
        self.assertLess(time.monotonic() - began, 2 * SCALE)

    def hanging_ipv6(self, port):
        """An address of loopback where a connection hangs: the queue of its listener is full."""
        listener = socket.socket(socket.AF_INET6)
        self.addCleanup(listener.close)
        listener.bind(("::1", port))
        listener.listen(0)
        for _ in range(3):
            filler = socket.socket(socket.AF_INET6)
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(("::1", port))
        return "::1"

    def test_a_refused_address_leads_to_the_next_at_once(self):
        server = self.ws_server()
        began = time.monotonic()
        self.assert_hello(f"ws://two.example:{server.port}/", "--resolve",
                          f"two.example:{server.port}:127.0.0.9,127.0.0.1")
        self.assertLess(time.monotonic() - began, SCALE)

    def test_every_address_that_failed_is_named(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            port = holder.getsockname()[1]
            done = self.run_connect(f"ws://two.example:{port}/", "--resolve",
                                    f"two.example:{port}:127.0.0.9,127.0.0.8")
        self.assert_error(done, NO_CONNECTION, "two.example", r"127\.0\.0\.[89]", str(port))

    def test_http_urls_are_understood(self):
        server = self.ws_server()
        self.assert_hello(server.url().replace("ws:", "http:"))

    def test_the_path_and_query_go_as_they_are(self):
        server = self.ws_server()
        self.assert_hello(server.url("/a%20b/../c?d=%zz&e=/#frag".split("#", maxsplit=1)[0]))
        self.assertIn(server.peers[0].path, ("/a%20b/../c?d=%zz&e=/", "/c?d=%zz&e=/"))
        self.assert_hello(f"ws://127.0.0.1:{server.port}?q")
        self.assertEqual(server.peers[1].path, "/?q")

    def test_verbose_shows_the_handshake_as_curl_does(self):
        server = self.ws_server(subprotocols=["v1"])
        done = self.assert_hello(server.url("/x"), "-v", "--subprotocol=v1")
        self.assertRegex(done.err, r"(?m)^\* .*127\.0\.0\.1")
        self.assertRegex(done.err, r"(?m)^> GET /x HTTP/1\.1\s*$")
        self.assertRegex(done.err, r"(?mi)^> Sec-WebSocket-Key: \S+")
        self.assertRegex(done.err, r"(?m)^< HTTP/1\.1 101 ")
        self.assertRegex(done.err, r"(?mi)^< Sec-WebSocket-Protocol: v1")

    def test_very_verbose_shows_each_frame(self):
        done = self.assert_hello(self.ws_server().url(), "-vv")
        self.assertRegex(done.err, r"(?i)FIN.*text|text.*FIN")
        self.assertRegex(done.err, "(?i)mask")
        self.assertRegex(done.err, r"(?i)close.*1000|1000.*close")


class Request(DialCase):
    """What stands in the handshake."""

    def headers(self, *args, server=None, url=None, **settings):
        """The headers that came, and how the program ended."""
        server = server or self.ws_server()
        done = self.assert_hello(url or server.url(), *args, **settings)
        return server.peers[-1].headers, done

    def test_the_defaults(self):
        headers, _ = self.headers()
        self.assertRegex(headers["User-Agent"], r"^[Tt]aburet/\d")
        self.assertEqual(headers["Sec-WebSocket-Version"], "13")
        self.assertIn("permessage-deflate", headers["Sec-WebSocket-Extensions"])
        self.assertEqual(len(base64.b64decode(headers["Sec-WebSocket-Key"])), 16)
        for absent in ("Origin", "Cookie", "Authorization", "Sec-WebSocket-Protocol"):
            self.assertNotIn(absent, headers)

    def test_every_handshake_has_its_own_key(self):
        keys = {self.headers()[0]["Sec-WebSocket-Key"] for _ in range(3)}
        self.assertEqual(len(keys), 3)

    def test_no_deflate(self):
        headers, _ = self.headers("--no-deflate")
        self.assertNotIn("Sec-WebSocket-Extensions", headers)

    def test_deflate_is_used(self):
        server = self.ws_server(compression="deflate")
        text = b"abc" * 1000
        done = self.run_connect(server.url(), "-1", "-vv", stdin=text)
        self.assert_output(done, text)
        self.assertEqual(server.peers[0].extensions, ["permessage-deflate"])

    def test_deflate_with_parameters_of_ours(self):
        headers, _ = self.headers("--deflate=client_no_context_takeover;server_max_window_bits=10")
        self.assertIn("server_max_window_bits=10", headers["Sec-WebSocket-Extensions"])
        self.assertIn("client_no_context_takeover", headers["Sec-WebSocket-Extensions"])

    def test_headers_are_added_replaced_and_removed(self):
        headers, _ = self.headers("-H", "X-One: 1", "--header=X-Two:2", "-H", "X-One: again",
                                  "-H", "User-Agent: mine", "-H", "Host: other.example")
        self.assertEqual(headers.get_all("X-One"), ["1", "again"])
        self.assertEqual((headers["X-Two"], headers["User-Agent"], headers["Host"]),
                         ("2", "mine", "other.example"))
        self.assertEqual(len(headers.get_all("User-Agent")), 1)
        self.assertEqual(len(headers.get_all("Host")), 1)
        headers, _ = self.headers("-H", "User-Agent:")
        self.assertNotIn("User-Agent", headers)

    def test_an_empty_header_has_a_semicolon(self):
        headers, _ = self.headers("-H", "X-Empty;")
        self.assertEqual(headers["X-Empty"], "")

    def test_headers_from_a_file(self):
        path = self.file("headers", "X-One: 1\r\nX-Two: 2\n\nX-Three: 3\n")
        headers, _ = self.headers("-H", f"@{path}")
        self.assertEqual([headers[f"X-{n}"] for n in ("One", "Two", "Three")], ["1", "2", "3"])

    def test_user_agent_and_origin(self):
        headers, _ = self.headers("-A", "robot/1", "--origin", "https://example.org")
        self.assertEqual((headers["User-Agent"], headers["Origin"]),
                         ("robot/1", "https://example.org"))

    def test_subprotocols_in_order(self):
        server = self.ws_server(subprotocols=["v1", "v2"])
        headers, done = self.headers("--subprotocol=v2", "--subprotocol", "v1", "-v",
                                     server=server)
        self.assertRegex(headers["Sec-WebSocket-Protocol"], r"^v2, ?v1$")

    def test_basic_authentication(self):
        expected = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
        server = self.ws_server()
        for args, url in ((["-u", f"me:{SECRET}"], None), (["--user", f"me:{SECRET}"], None),
                          ([], f"ws://me:{SECRET}@127.0.0.1:{server.port}/")):
            headers, _ = self.headers(*args, server=server, url=url)
            self.assertEqual(headers["Authorization"], expected)
            self.assertNotIn("@", headers["Host"])

    def test_a_name_with_percent_signs_in_the_url(self):
        server = self.ws_server()
        headers, _ = self.headers(server=server,
                                  url=f"ws://a%40b:p%3Aq@127.0.0.1:{server.port}/")
        self.assertEqual(headers["Authorization"],
                         "Basic " + base64.b64encode(b"a@b:p:q").decode())

    def test_a_bearer_token(self):
        headers, _ = self.headers("--oauth2-bearer", SECRET)
        self.assertEqual(headers["Authorization"], f"Bearer {SECRET}")

    def test_cookies_of_text_and_of_a_file(self):
        headers, _ = self.headers("-b", "a=1; b=2")
        self.assertEqual(headers["Cookie"], "a=1; b=2")
        jar = self.file("jar", "# Netscape HTTP Cookie File\n"
                               "127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\tabc\n"
                               "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\thid\tdef\n"
                               "other.example\tFALSE\t/\tFALSE\t0\tno\tno\n"
                               "127.0.0.1\tFALSE\t/deep\tFALSE\t0\tpath\tno\n"
                               "127.0.0.1\tFALSE\t/\tFALSE\t1\told\tno\n")
        headers, _ = self.headers("-b", jar)
        self.assertEqual(headers["Cookie"], "sid=abc; hid=def")

    def test_secrets_are_never_shown(self):
        for args in (["-u", f"me:{SECRET}"], ["--oauth2-bearer", SECRET], ["-b", f"s={SECRET}"],
                     ["-H", f"Authorization: {SECRET}"], ["-H", f"Cookie: {SECRET}"]):
            for verbose in ("-v", "-vv"):
                _, done = self.headers(*args, verbose)
                self.assertNotIn(SECRET, done.err)
                self.assertNotIn(base64.b64encode(f"me:{SECRET}".encode()).decode(), done.err)
                self.assertIn("***", done.err)

    def test_a_password_in_the_url_is_not_in_an_error(self):
        for url in (f"ws://me:{SECRET}@127.0.0.1:1/", f"ws://me:{SECRET}@no-such.invalid/",
                    f"ftp://me:{SECRET}@h/", f"ws://me:{SECRET}@h:x/"):
            done = self.run_connect(url, "-v")
            self.assertNotEqual(done.code, OK)
            self.assertNotIn(SECRET, done.err)

    def test_what_would_break_the_request_is_exit_2_and_nothing_is_dialled(self):
        """undici CVE-2026-1527: CR LF in a client's input."""
        server = self.evil_server(evil.silence)
        for end in ("\r\nX: y", "\n", "\r", "\r\n"):
            for args in (["-H", f"X-A: b{end}"], ["-H", f"X{end}: y"], ["-A", f"a{end}"],
                         ["--origin", f"https://a{end}"], ["--subprotocol", f"a{end}"],
                         ["-b", f"a=b{end}"], ["--oauth2-bearer", f"t{end}"]):
                with self.subTest(args):
                    self.assert_error(self.run_connect(server.url(), *args), USAGE)
        for path in ("/a\r\nX: y", "/a\nb", "/a\rb", "/\r\n"):
            with self.subTest(path):
                done = self.run_connect(server.url(path))
                self.assertIn(done.code, (USAGE, 3), done)
                self.assert_error(done, done.code)
        self.assertEqual(server.peers, [])

    def test_a_nul_in_a_header_file_is_exit_2_and_nothing_is_dialled(self):
        server = self.evil_server(evil.silence)
        path = self.file("headers", b"X: a\0b\n")
        self.assert_error(self.run_connect(server.url(), "-H", f"@{path}"), USAGE)
        self.assertEqual(server.peers, [])

    def test_what_is_no_header_or_token_is_exit_2(self):
        for args in (["-H", "no colon"], ["-H", ": value"], ["-H", "a b: c"],
                     ["--subprotocol", "a b"], ["--subprotocol", ""], ["--subprotocol", "a,b"]):
            with self.subTest(args):
                self.assert_error(self.run_connect("ws://127.0.0.1:9/", *args), USAGE)

    def test_a_config_file(self):
        server = self.ws_server()
        path = self.file("config", "# what every run has\n"
                                   '--header "X-From: config"\nuser-agent = robot\n'
                                   "\n-1\n")
        self.assert_hello("-K", path, server.url())
        self.assertEqual((server.peers[0].headers["X-From"],
                          server.peers[0].headers["User-Agent"]), ("config", "robot"))

    def test_a_bad_config_file_names_the_line(self):
        path = self.file("config", "silent\nheadr = x\n")
        self.assert_error(self.run_connect("ws://127.0.0.1:9/", "-K", path), USAGE, r"config:2",
                          "headr", "header")


class Redirects(DialCase):
    def redirecting(self, target, status="302 Found"):
        return self.evil_server(evil.refusal(status, f"Location: {target}"))

    def test_off_by_default(self):
        server = self.ws_server()
        done = self.run_connect(self.redirecting(server.url()).url())
        self.assert_error(done, REFUSED, "302", "(?i)location")
        self.assertEqual(server.peers, [])

    def test_followed_with_L(self):
        server = self.ws_server()
        for status in ("301 a", "302 b", "303 c", "307 d", "308 e"):
            for target in (server.url("/new"), server.url("/new").replace("ws:", "http:")):
                with self.subTest(status=status, target=target):
                    self.assert_hello(self.redirecting(target, status).url(), "-L")
        self.assertEqual({peer.path for peer in server.peers}, {"/new"})

    def test_a_relative_location(self):
        def behave(peer):
            peer.read_request()
            seen.append(peer.target)
            if len(seen) < 3:
                peer.send(peer.answer("302 Found", f"Location: {'/b/c' if len(seen) == 1 else 'd'}",
                                      "Content-Length: 0"))
                peer.stay()
            peer.send(peer.answer())
            peer.answer_close()
        seen = []
        done = self.run_connect(self.evil_server(behave).url("/a?x"), "-L", "--wait=0")
        self.assert_ends(done, OK)
        self.assertEqual(seen, ["/a?x", "/b/c", "/b/d"])

    def credentials_seen(self, target_host, *args):
        """The headers at the target of a redirect to another origin."""
        server = self.ws_server()
        first = self.redirecting(server.url("/", host=target_host))
        self.assert_hello(first.url(), "-L", *args)
        self.assertRegex(first.peers[0].request.decode(), "(?i)authorization|cookie")
        return server.peers[0].headers

    def test_credentials_stay_home(self):
        """Tomcat CVE-2026-42498. Another port is another origin, and so is another name."""
        for args in (["-u", "me:pw"], ["--oauth2-bearer", "t"], ["-b", "sid=1"],
                     ["-H", "Authorization: x"], ["-H", "Cookie: x=1"]):
            with self.subTest(args):
                headers = self.credentials_seen("127.0.0.1", *args)
                self.assertNotIn("Authorization", headers)
                self.assertNotIn("Cookie", headers)

    def test_credentials_go_along_to_the_same_origin(self):
        def behave(peer):
            peer.read_request()
            seen.append(bool(peer.header("Authorization")))
            if len(seen) == 1:
                peer.send(peer.answer("307 x", "Location: /in", "Content-Length: 0"))
                peer.stay()
            peer.send(peer.answer())
            peer.answer_close()
        seen = []
        done = self.run_connect(self.evil_server(behave).url(), "-L", "-u", "me:pw", "--wait=0")
        self.assert_ends(done, OK)
        self.assertEqual(seen, [True, True])

    def test_other_headers_go_along(self):
        server = self.ws_server(subprotocols=["v1"])
        self.assert_hello(self.redirecting(server.url()).url(), "-L", "-H", "X-Me: 1",
                          "--subprotocol=v1", "--origin=https://o.example")
        headers = server.peers[0].headers
        self.assertEqual((headers["X-Me"], headers["Sec-WebSocket-Protocol"], headers["Origin"]),
                         ("1", "v1", "https://o.example"))

    def test_a_circle_ends(self):
        def behave(peer):
            evil.refusal("302 Found", f"Location: {server.url('/again')}")(peer)
        server = self.evil_server(behave)
        done = self.run_connect(server.url(), "-L", "--max-redirs=4")
        self.assertNotEqual(done.code, OK)
        self.assert_error(done, done.code, "(?i)redirect", r"\b4\b")
        self.assertEqual(len(server.peers), 5)
        done = self.run_connect(server.url(), "-L")
        self.assertNotEqual(done.code, OK)
        self.assertLess(len(server.peers), 120)

    def test_a_location_that_leads_nowhere(self):
        for target in ("ftp://x/", "file:///etc/passwd", "ws://bad host/", ""):
            with self.subTest(target):
                done = self.run_connect(self.redirecting(target).url(), "-L")
                self.assertIn(done.code, (3, REFUSED), done)
        server = self.evil_server(evil.refusal("302 Found"))
        self.assert_error(self.run_connect(server.url(), "-L"), REFUSED, "302")

    def test_a_way_from_wss_to_ws_is_not_gone_silently(self):
        from certificates import serving
        from support import make_certificate
        server = self.ws_server(listen)
        pair = make_certificate(self.home)
        first = self.evil_server(evil.refusal("302 Found", f"Location: {server.url()}"),
                                 tls=serving(*pair))
        done = self.run_connect(first.url(), "-L", "--cacert", pair[0], "-u", "me:pw", "--wait=0")
        if server.peers:
            self.assertNotIn("Authorization", server.peers[0].headers)
        else:
            self.assertNotEqual(done.code, OK)


class Retries(DialCase):
    def test_it_connects_again_as_often_as_asked(self):
        def behave(peer):
            peer.read_request()
            if len(server.peers) < 3:
                peer.send(peer.answer("503 Unavailable", "Content-Length: 0"))
                peer.stay()
            peer.send(peer.answer())
            peer.answer_close()
        server = self.evil_server(behave)
        done = self.run_connect(server.url(), "--retry=5", "--retry-delay=0.05", "--wait=0")
        self.assert_ends(done, OK)
        self.assertEqual(len(server.peers), 3)

    def test_then_it_gives_up_with_the_last_reason(self):
        server = self.evil_server(evil.refusal("503 Unavailable"))
        done = self.run_connect(server.url(), "--retry=2", "--retry-delay=0.05")
        self.assert_error(done, REFUSED, "503")
        self.assertEqual(len(server.peers), 3)

    def test_what_will_not_change_is_not_tried_again(self):
        server = self.evil_server(evil.refusal("403 Forbidden"))
        done = self.run_connect(server.url(), "--retry=3", "--retry-delay=0.05")
        self.assert_error(done, REFUSED, "403")
        self.assertEqual(len(server.peers), 1)

    def test_a_refused_connection_is_tried_again(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            port = holder.getsockname()[1]
            program = self.connect(f"ws://127.0.0.1:{port}/", "--retry=100",
                                   "--retry-delay=0.1", *HELLO)
            program.wait_err("(?i)again|retry")
        self.ws_server(port=port)
        self.assertEqual(program.wait().code, OK)

    def test_without_it_there_is_one_try(self):
        server = self.evil_server(evil.refusal("503 Unavailable"))
        self.run_connect(server.url())
        self.assertEqual(len(server.peers), 1)

    def test_the_time_over_all_ends_the_tries(self):
        server = self.evil_server(evil.refusal("503 Unavailable"))
        began = time.monotonic()
        done = self.run_connect(server.url(), "--retry=1000", "--retry-delay=0.05", "-m", "0.5")
        self.assertIn(done.code, (28, REFUSED), done)
        self.assertLess(time.monotonic() - began, 3 * SCALE)


if __name__ == "__main__":
    unittest.main()
