"""`taburet connect` and a server of Python's websockets with nginx between them."""

import unittest

from companions import nginx
from connecting import CLOSED, OK, REFUSED, ConnectCase, answer_then_close

LOCATIONS = """
location /ws {{
    proxy_pass http://127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    proxy_set_header Host $host;
}}
location /forgot-the-upgrade {{ proxy_pass http://127.0.0.1:{port}; }}
location /secret {{ return 403 "not for you\\n"; }}
location /moved {{ return 302 /ws; }}
location /down {{ proxy_pass http://127.0.0.1:1; }}
location / {{ return 404 "nothing here\\n"; }}
"""


class BehindNginx(ConnectCase):
    def setUp(self):
        super().setUp()
        self.server = self.ws_server(answer_then_close(4000, "from behind"),
                                     compression="deflate")
        proxy = nginx(self.temp_dir(), LOCATIONS.format(port=self.server.port))
        self.addCleanup(proxy.stop)
        self.address = f"ws://127.0.0.1:{proxy.port}"

    def test_an_upgrade_passes(self):
        done = self.run_connect(f"{self.address}/ws", "-d", "hi", "-1")
        self.assert_output(done, b"hi")
        done = self.run_connect(f"{self.address}/ws", "-d", "x" * 100_000)
        self.assert_ends(done, CLOSED, "4000", "from behind")
        self.assertEqual(done.out, b"x" * 100_000 + b"\n")

    def test_refusals_are_22_with_their_bodies(self):
        for path, status, body in (("/", "404", "nothing here"), ("/secret", "403",
                                                                  "not for you"),
                                   ("/down", "502", "Bad Gateway"), ("/moved", "302", "/ws")):
            with self.subTest(path):
                done = self.run_connect(self.address + path)
                self.assert_error(done, REFUSED, status, body)

    def test_a_proxy_that_forgot_the_upgrade(self):
        """The mistake that everybody makes once: nginx speaks HTTP/1.0 to the server then."""
        done = self.run_connect(f"{self.address}/forgot-the-upgrade")
        self.assertNotEqual(done.code, OK)
        self.assert_error(done, done.code, r"\b(4\d\d|5\d\d)\b")

    def test_a_redirect_inside(self):
        done = self.run_connect(f"{self.address}/moved", "-L", "-d", "hi", "-1")
        self.assert_output(done, b"hi")


if __name__ == "__main__":
    unittest.main()
