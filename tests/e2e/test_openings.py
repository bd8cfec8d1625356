"""Handshakes that lead to nothing are shown as plainly as those that do."""

import socket
import ssl
import unittest

from support import ServerCase, make_certificate, trusting
from rawclient import RawClient, opened, request


class Openings(ServerCase):
    def leave_after(self, server, data):
        """Sends that much and leaves; returns the log's line about it."""
        with RawClient(server) as client:
            client.send(data)
            client.sock.shutdown(socket.SHUT_WR)
            client.wait_gone()
        return server.wait_for_log(rf"^{client.address} refused.*$").group(0)

    async def test_who_connects_and_leaves_is_shown(self):
        line = self.leave_after(self.serve(), b"")
        self.assertRegex(line, r" refused \(it left before the handshake was complete\)$")

    async def test_who_leaves_in_the_middle_of_its_request_is_shown(self):
        line = self.leave_after(self.serve(), b"GET /chat HTTP/1.1\r\nHost: local")
        self.assertRegex(line, r" refused.* \(it left before the handshake was complete\)$")

    async def test_who_never_finishes_is_shown(self):
        server = self.serve("--handshake-timeout", "200ms")
        with RawClient(server) as client:
            client.send(b"GET / HT")
            server.wait_for_log(rf"^{client.address} refused .*time limit\)$")

    async def test_tls_spoken_to_a_plain_port_is_shown(self):
        server = self.serve()
        context = ssl.create_default_context()
        with RawClient(server) as client:
            address = client.address
            with self.assertRaises(OSError):
                context.wrap_socket(client.sock, server_hostname="localhost").close()
        server.wait_for_log(rf"^{address} refused.*: 400 Bad Request \(")

    async def test_plain_http_spoken_to_a_tls_port_is_shown_with_the_reason_of_openssl(self):
        cert, key = make_certificate(self.temp_dir())
        server = self.serve("--tls-cert", cert, "--tls-key", key)
        with RawClient(server) as client:
            client.send(request())
            client.wait_gone()
        server.wait_for_log(rf"^{client.address} refused \(TLS failed: http request\)$")
        with RawClient(server) as client:
            client.send(b"\x00" * 100)
            client.wait_gone()
        server.wait_for_log(rf"^{client.address} refused \(TLS failed: [a-z ]+\)$")
        with opened(server, tls=trusting(cert)):
            pass

    async def test_a_client_that_does_not_trust_the_certificate_is_shown(self):
        cert, key = make_certificate(self.temp_dir())
        server = self.serve("--tls-cert", cert, "--tls-key", key)
        with self.assertRaises(ssl.SSLCertVerificationError):
            RawClient(server, tls=ssl.create_default_context())
        server.wait_for_log(r" refused \(TLS failed: .*unknown ca\)$")

    async def test_v_shows_the_headers_of_a_refused_request_but_no_secrets(self):
        server = self.serve("-v", "--allow-origin", "http://good.test")
        with RawClient(server) as client:
            client.upgrade([("Origin", "http://evil.test"), ("Cookie", "id=secret")], expect=403)
        server.wait_for_log(rf"^{client.address} > Cookie: \*\*\*$")
        self.assertTrue(server.find_log(rf"^{client.address} refused GET /: 403 Forbidden "))
        self.assertTrue(server.find_log(rf"^{client.address} > Origin: http://evil\.test$"))
        self.assertFalse(server.find_log("secret"))

    async def test_without_v_a_refusal_is_one_line(self):
        server = self.serve("--allow-origin", "http://good.test")
        with RawClient(server) as client:
            client.upgrade([("Origin", "http://evil.test")], expect=403)
        server.wait_for_log(rf"^{client.address} refused GET /: 403 Forbidden ")
        server.stop()
        self.assertEqual(len(server.find_log(client.address)), 1)

    async def test_an_unmet_wish_for_a_subprotocol_is_named(self):
        server = self.serve("--subprotocol", "chat.v1")
        wish = r" asked for the subprotocol graphql-ws, x and got none; .*--subprotocol\)$"
        with opened(server, [("Sec-WebSocket-Protocol", "graphql-ws, x")]) as client:
            server.wait_for_log(rf"^{client.address}{wish}")
        with opened(server, [("Sec-WebSocket-Protocol", "y, chat.v1")]) as met:
            server.wait_for_log(rf"^{met.address} connected$")
        with opened(server) as none:
            server.wait_for_log(rf"^{none.address} connected$")
        server.stop()
        self.assertEqual(len(server.find_log("asked for the subprotocol")), 1)


if __name__ == "__main__":
    unittest.main()
