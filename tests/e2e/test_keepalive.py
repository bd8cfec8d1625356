"""Pings: who answers stays, who does not is dropped."""

import time
import unittest

from support import SCALE, ServerCase, make_certificate, trusting
from rawclient import CLOSE, CONTINUATION, PING, PONG, TEXT, frame, opened

INTERVAL = 0.1 * SCALE
TIMEOUT = 0.4 * SCALE
ARGS = ("--ping-interval", f"{int(INTERVAL * 1000)}ms", "--ping-timeout",
        f"{int(TIMEOUT * 1000)}ms")


class Keepalive(ServerCase):
    async def test_half_open_peers_are_dropped_by_ping(self):
        server = self.serve(*ARGS)
        began = time.monotonic()
        with opened(server) as client:
            self.assertEqual(client.recv_frame().opcode, PING)
            client.wait_gone(limit=INTERVAL + TIMEOUT + 1 * SCALE)
            self.assertGreater(time.monotonic() - began, TIMEOUT * 0.8)
        server.wait_for_log(rf"{client.address} disconnected")

    async def test_who_answers_stays(self):
        server = self.serve(*ARGS)
        with opened(server) as client:
            payloads = []
            while len(payloads) < 10:
                got = client.recv_frame()
                self.assertEqual(got.opcode, PING)
                payloads.append(got.payload)
                client.send_frame(PONG, got.payload)
            client.send_frame(TEXT, b"hi")
            self.assertEqual(client.recv_data().payload, b"hi")

    async def test_a_client_of_another_make_stays(self):
        server = self.serve(*ARGS)
        ws = await self.connect(server)
        await self.assert_silent(ws, 2 * (INTERVAL + TIMEOUT))
        await ws.send("hi")
        self.assertEqual(await self.recv(ws), "hi")

    async def test_pings_come_at_the_interval_and_not_faster(self):
        server = self.serve("--ping-interval", f"{200 * SCALE}ms", "--ping-timeout", "10s")
        with opened(server) as client:
            began = time.monotonic()
            for _ in range(5):
                got = client.recv_frame()
                self.assertEqual(got.opcode, PING)
                client.send_frame(PONG, got.payload)
            self.assertGreater(time.monotonic() - began, 4 * 0.2 * SCALE * 0.8)

    async def test_who_is_in_the_middle_of_a_long_message_stays(self):
        server = self.serve(*ARGS)
        with opened(server) as client:
            client.send_frame(TEXT, b"x", fin=False)
            for _ in range(8):
                got = client.recv_frame()
                self.assertEqual(got.opcode, PING)
                client.send(frame(PONG, got.payload) + frame(CONTINUATION, b"y", fin=False))
            client.send_frame(CONTINUATION, b"z")
            self.assertEqual(client.recv_data().payload, b"x" + b"y" * 8 + b"z")

    async def test_who_stalls_inside_a_frame_is_dropped(self):
        server = self.serve(*ARGS)
        with opened(server) as client:
            client.send(frame(TEXT, b"x" * 1000)[:500])
            client.wait_gone(limit=INTERVAL + TIMEOUT + 1 * SCALE)

    async def test_a_peer_that_never_reads_is_dropped(self):
        server = self.serve(*ARGS, "--echo", "--max-backlog", "64M")
        with opened(server, rcvbuf=4096) as client:
            client.send_until_blocked(frame(TEXT, b"x" * 60000) * 150, patience=0.5)
            server.wait_for_log(rf"{client.address} disconnected", limit=6 * SCALE)

    async def test_over_tls_too(self):
        cert, key = make_certificate(self.temp_dir())
        server = self.serve(*ARGS, "--tls-cert", cert, "--tls-key", key)
        with opened(server, tls=trusting(cert)) as dead:
            with opened(server, tls=trusting(cert)) as live:
                for _ in range(8):
                    live.send_frame(PONG, live.recv_frame().payload)
                dead.wait_gone(limit=INTERVAL + TIMEOUT + 1 * SCALE)
                live.send_frame(TEXT, b"hi")
                self.assertEqual(live.recv_data().payload, b"hi")

    async def test_no_ping_is_sent_after_a_close(self):
        server = self.serve(*ARGS)
        with opened(server) as client:
            client.send_frame(CLOSE, b"\x03\xe8")
            client.recv_close()
            self.assertEqual(client.recv_until_gone()[0], b"")

    async def test_interval_0_means_no_pings(self):
        server = self.serve("--ping-interval", "0", "--ping-timeout", f"{100 * SCALE}ms")
        with opened(server) as client:
            with self.assertRaises(AssertionError):
                client.recv_frame(limit=0.6 * SCALE)
            client.send_frame(TEXT, b"hi")
            self.assertEqual(client.recv_data().payload, b"hi")


if __name__ == "__main__":
    unittest.main()
