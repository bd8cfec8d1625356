"""`taburet connect` through proxies that we did not write: microsocks (SOCKS5) and tinyproxy
(HTTP CONNECT)."""

import unittest

import evilserver as evil
from certificates import Authority, serving
from companions import microsocks, tinyproxy
from connecting import NO_CONNECTION, NO_PROXY_NAME, OK, TIMED_OUT, USAGE, ConnectCase

HELLO = ("-d", "hi", "-1")
USER, SECRET = "me", "hunter2"


class ProxyCase(ConnectCase):
    def companion(self, made):
        self.addCleanup(made.stop)
        return made

    def socks(self, *auth):
        return self.companion(microsocks(*auth))

    def http_proxy(self, *auth):
        return self.companion(tinyproxy(self.temp_dir(), *auth))

    def assert_hello(self, *args, **settings):
        done = self.run_connect(*args, *HELLO, **settings)
        self.assert_output(done, b"hi")
        return done

    def counting_proxy(self):
        """A proxy that only counts who comes."""
        return self.evil_server(evil.silence)


class Socks(ProxyCase):
    def test_socks5_and_socks5h(self):
        proxy, server = self.socks(), self.ws_server()
        for scheme in ("socks5", "socks5h"):
            self.assert_hello(server.url(), "-x", f"{scheme}://127.0.0.1:{proxy.port}")

    def test_the_proxy_resolves_the_name(self):
        def behave(peer):
            peer.fill()
            peer.buffer.clear()
            peer.send(b"\x05\x00")
            asked.append(peer.take(5 + len("a.invalid") + 2))
        asked = []
        proxy = self.evil_server(behave)
        self.run_connect("ws://a.invalid:81/", "-x", f"socks5h://127.0.0.1:{proxy.port}")
        self.assertEqual(asked, [b"\x05\x01\x00\x03\x09a.invalid\x00\x51"])

    def test_a_name_that_the_proxy_does_not_know(self):
        proxy = self.socks()
        done = self.run_connect("ws://no-such-host.invalid/", "-x",
                                f"socks5h://127.0.0.1:{proxy.port}")
        self.assert_error(done, NO_CONNECTION, "proxy.*no-such-host.invalid")

    def test_a_password(self):
        proxy, server = self.socks(USER, SECRET), self.ws_server()
        done = self.assert_hello(server.url(), "-v", "-x",
                                 f"socks5h://{USER}:{SECRET}@127.0.0.1:{proxy.port}")
        self.assertNotIn(SECRET, done.err)

    def test_a_wrong_password_and_none(self):
        proxy, server = self.socks(USER, SECRET), self.ws_server()
        for who in (f"{USER}:wrongpass@", ""):
            done = self.run_connect(server.url(), "-x",
                                    f"socks5h://{who}127.0.0.1:{proxy.port}")
            self.assert_error(done, NO_CONNECTION, "(?i)proxy|socks")
            self.assertNotIn("wrongpass", done.err)
        self.assertEqual(server.peers, [])

    def test_a_target_that_refuses(self):
        proxy = self.socks()
        done = self.run_connect("ws://127.0.0.1:1/", "-x", f"socks5h://127.0.0.1:{proxy.port}")
        self.assert_error(done, NO_CONNECTION, "(?i)refused|proxy|socks")

    def test_tls_inside(self):
        authority = Authority(self.home)
        server = self.ws_server(tls=serving(*authority.issue("localhost")))
        self.assert_hello(server.url(), "-x", f"socks5h://127.0.0.1:{self.socks().port}",
                          "--cacert", authority.cert)

    def test_proxies_that_do_it_wrong(self):
        for answer in (b"\x04\xff", b"\x05\xff", b"\x05\x07", b"HTTP/1.1 400 Bad\r\n\r\n",
                       b"\x05\x00\x05\x01\x00\x01\0\0\0\0\0\0", b"\x05\x00\x05\x00\x00\x09",
                       b"\x05\x00\x04"):
            with self.subTest(answer):
                proxy = self.evil_server(self.answering(answer))
                done = self.run_connect("ws://127.0.0.1:1/", "-x",
                                        f"socks5h://127.0.0.1:{proxy.port}")
                self.assert_error(done, NO_CONNECTION, "(?i)proxy|socks")

    @staticmethod
    def answering(data):
        def behave(peer):
            peer.fill()
            peer.send(data)
            peer.half_close()
            peer.stay()
        return behave


class HttpConnect(ProxyCase):
    def test_connect(self):
        proxy, server = self.http_proxy(), self.ws_server()
        for url in (f"http://127.0.0.1:{proxy.port}", f"127.0.0.1:{proxy.port}"):
            self.assert_hello(server.url(), "--proxy", url)

    def test_a_password(self):
        proxy, server = self.http_proxy(USER, SECRET), self.ws_server()
        done = self.assert_hello(server.url(), "-v", "-x",
                                 f"http://{USER}:{SECRET}@127.0.0.1:{proxy.port}")
        self.assertNotIn(SECRET, done.err)
        self.assertNotIn("Proxy-Authorization", server.peers[0].headers)

    def test_a_wrong_password_and_none(self):
        proxy, server = self.http_proxy(USER, SECRET), self.ws_server()
        for who in (f"{USER}:wrongpass@", ""):
            done = self.run_connect(server.url(), "-x", f"http://{who}127.0.0.1:{proxy.port}")
            self.assert_error(done, NO_CONNECTION, "40[17]", "(?i)proxy")
            self.assertNotIn("wrongpass", done.err)
        self.assertEqual(server.peers, [])

    def test_the_servers_credentials_are_not_for_the_proxy(self):
        def behave(peer):
            peer.read_request()
            peer.send(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")
            peer.stay()
        proxy = self.evil_server(behave)
        self.run_connect("ws://a.example/", "-x", f"http://127.0.0.1:{proxy.port}", "-u",
                         "me:pw", "-b", "sid=1", "-H", "X-Secret: 1")
        request = proxy.peers[0].request
        self.assertTrue(request.startswith(b"CONNECT a.example:80 HTTP/1.1\r\n"), request)
        for name in (b"authorization", b"cookie", b"x-secret", b"sec-websocket"):
            self.assertNotIn(name, request.lower())

    def test_the_proxys_credentials_are_not_for_the_server(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "-H", "Proxy-Authorization: Basic c2VjcmV0")
        self.assert_error(done, USAGE, "Proxy-Authorization.*--proxy")
        self.assertNotIn("c2VjcmV0", done.err)
        self.assertEqual(server.peers, [])

    def test_tls_inside(self):
        authority = Authority(self.home)
        server = self.ws_server(tls=serving(*authority.issue("localhost")))
        self.assert_hello(server.url(), "-x", f"http://127.0.0.1:{self.http_proxy().port}",
                          "--cacert", authority.cert)

    def test_proxies_that_do_it_wrong(self):
        for answer, words in ((b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nwhy", "403"),
                              (b"SSH-2.0-x\r\n\r\n", "(?i)proxy"), (b"", "(?i)proxy"),
                              (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "(?i)proxy")):
            with self.subTest(answer[:30]):
                proxy = self.evil_server(evil.after_request(answer, "fin"))
                done = self.run_connect("ws://127.0.0.1:1/", "-x",
                                        f"http://127.0.0.1:{proxy.port}")
                self.assertNotEqual(done.code, OK)
                self.assert_error(done, done.code, words)

    def test_a_proxy_that_is_silent(self):
        proxy = self.counting_proxy()
        done = self.run_connect("ws://a.example/", "-x", f"http://127.0.0.1:{proxy.port}",
                                "--connect-timeout=0.3")
        self.assert_error(done, TIMED_OUT)


class Choice(ProxyCase):
    """Which proxy, if any."""

    def assert_proxied(self, expected, *args, env, url="ws://127.0.0.1:1/"):
        """A proxy that only counts, named in the environment or in the arguments as {}."""
        proxy = self.counting_proxy()
        address = f"http://127.0.0.1:{proxy.port}"
        self.run_connect(url, "--connect-timeout=0.3", *(a.format(address) for a in args),
                         env={name: value.format(address) for name, value in env.items()})
        self.assertEqual(len(proxy.peers), int(expected), (args, env, url))

    def test_the_environment_is_honoured(self):
        for name in ("ALL_PROXY", "all_proxy", "http_proxy"):
            with self.subTest(name):
                self.assert_proxied(True, env={name: "{}"})
        for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            with self.subTest(name):
                self.assert_proxied(True, env={name: "{}"}, url="wss://127.0.0.1:1/")

    def test_another_schemes_variable_is_not_for_us(self):
        self.assert_proxied(False, env={"https_proxy": "{}"})
        self.assert_proxied(False, env={"http_proxy": "{}"}, url="wss://127.0.0.1:1/")

    def test_HTTP_PROXY_in_capitals_is_not_read(self):
        """A CGI's environment has it from a request's Proxy header (httpoxy)."""
        self.assert_proxied(False, env={"HTTP_PROXY": "{}"})

    def test_an_argument_beats_the_environment(self):
        self.assert_proxied(True, "--proxy={}", env={"ALL_PROXY": "http://127.0.0.1:1"})
        self.assert_proxied(False, "--proxy=", env={"ALL_PROXY": "{}"})

    def test_no_proxy(self):
        for name in ("no_proxy", "NO_PROXY"):
            for value, proxied in (("127.0.0.1", False), ("*", False), ("other,127.0.0.1", False),
                                   ("other", True), ("", True), ("127.0.0.0/8", False),
                                   ("7.0.0.1", True)):
                with self.subTest(name=name, value=value):
                    self.assert_proxied(proxied, env={"ALL_PROXY": "{}", name: value})

    def test_no_proxy_matches_a_domain_and_what_is_under_it(self):
        for value, proxied in (("example", False), (".example", False), ("a.example", False),
                               ("b.example", True), ("ample", True), ("A.EXAMPLE", False)):
            with self.subTest(value):
                self.assert_proxied(proxied, "--resolve=a.example:1:127.0.0.1",
                                    env={"ALL_PROXY": "{}", "no_proxy": value},
                                    url="ws://a.example:1/")

    def test_noproxy_beats_the_environment(self):
        self.assert_proxied(False, "--noproxy=127.0.0.1", env={"ALL_PROXY": "{}"})
        self.assert_proxied(True, "--noproxy=other", env={"ALL_PROXY": "{}",
                                                          "no_proxy": "127.0.0.1"})
        self.assert_proxied(False, "--noproxy", "*", "--proxy={}", env={})

    def test_a_proxy_that_is_down(self):
        for scheme in ("http", "socks5h"):
            done = self.run_connect("ws://a.example/", "-x", f"{scheme}://127.0.0.1:1")
            self.assert_error(done, NO_CONNECTION, r"127\.0\.0\.1.*\b1\b", "(?i)proxy")

    def test_a_proxy_that_nobody_knows(self):
        for scheme in ("http", "socks5h"):
            done = self.run_connect("ws://127.0.0.1:1/", "-x", f"{scheme}://no-such.invalid:1")
            self.assert_error(done, NO_PROXY_NAME, "no-such.invalid", "(?i)proxy")

    def test_a_bad_proxy(self):
        for url in ("ftp://x/", "http://", "socks5h://h:99999", "socks4://127.0.0.1:1"):
            with self.subTest(url):
                done = self.run_connect("ws://127.0.0.1:1/", "-x", url)
                self.assert_error(done, USAGE, "(?i)proxy")


if __name__ == "__main__":
    unittest.main()
