"""Peers that flood, never read, or vanish: memory stays bounded, nothing is left behind."""
# ctest: serial

import socket
import threading
import unittest

from support import KIB, MIB, SCALE, ServerCase, unjudged_when_sanitized, wait_until
from rawclient import (BINARY, CLOSE, PING, PONG, TEXT, RawClient, frame, opened, request)


class Floods(ServerCase):
    PINGS = 1_000_000

    async def test_cve_2026_11586_a_flood_of_unread_pings_keeps_memory_flat(self):
        server = self.serve()
        with opened(server, rcvbuf=4096) as client:
            flood = b"".join(self.numbered_ping(n) for n in range(self.PINGS))
            half = len(flood) // 2
            sent = client.send_until_blocked(flood[:half])
            await self.assert_alive(server)
            before = server.private_memory()
            sent += client.send_until_blocked(flood[sent:])
            await self.assert_alive(server)
            if SCALE == 1:
                self.assertLess(server.private_memory() - before, 512 * KIB)
            sender = threading.Thread(target=client.try_send, args=(flood[sent:],))
            sender.start()
            self.drain_until_pong(client, self.PINGS - 1)
            sender.join()

    def numbered_ping(self, n):
        return b"\x89\x88\0\0\0\0%08d" % n

    def drain_until_pong(self, client, last):
        """The pong to the latest ping comes; all are whole and in order."""
        end = b"\x8a\x08%08d" % last
        data = bytearray(client.buffer)
        while not data.endswith(end):
            data += client.sock.recv(262144)
        pongs = [bytes(data[i:i + len(end)]) for i in range(0, len(data), len(end))]
        self.assertEqual({pong[:2] for pong in pongs}, {b"\x8a\x08"})
        numbers = [int(pong[2:]) for pong in pongs]
        self.assertEqual(numbers, sorted(set(numbers)))

    @unjudged_when_sanitized
    async def test_cve_2021_3690_unasked_pongs_leave_nothing(self):
        server = self.serve()
        with opened(server) as client:
            # The loop's receive buffer is touched as a whole before it is measured.
            client.send(frame(PONG, b"x" * 125) * 10_000)
            client.send_frame(TEXT, b"warm")
            client.recv_data()
            before = server.private_memory()
            client.send(frame(PONG, b"x" * 8) * 1_000_000)
            client.send_frame(TEXT, b"end")
            self.assertEqual(client.recv_data().payload, b"end")
            self.assertLess(server.private_memory() - before, 64 * KIB)

    async def test_cve_2020_35896_echo_to_a_peer_that_never_reads_is_bounded(self):
        server = self.serve("--echo", "--max-backlog", "256K")
        bob = await self.connect(server)
        before = server.private_memory()
        with opened(server, rcvbuf=4096) as client:
            client.send_until_blocked(frame(BINARY, b"x" * 65000) * 1000)
            await bob.send("alive")
            self.assertEqual(await self.recv(bob), "alive")
            if SCALE == 1:
                self.assertLess(server.private_memory() - before, 3 * MIB)

    async def test_who_sends_and_never_reads_broadcasts_is_bounded_too(self):
        server = self.serve("--max-backlog", "256K")
        with opened(server, rcvbuf=4096) as client:
            client.send_until_blocked(frame(TEXT, b"x" * 1000) * 10_000)
            await self.assert_alive(server)
            before = server.private_memory()
            client.send_until_blocked(frame(TEXT, b"x" * 1000) * 40_000)
            await self.assert_alive(server)
            if SCALE == 1:
                self.assertLess(server.private_memory() - before, MIB)

    async def test_ping_while_sending_would_block_does_not_spin(self):
        server = self.serve("--echo", "--max-backlog", "16M")
        with opened(server, rcvbuf=4096) as client:
            client.send_until_blocked(frame(BINARY, b"x" * 65000) * 100, patience=0.5)
            client.send_until_blocked(frame(PING, b"x") * 10, patience=0.5)
            await self.assert_alive(server)
            self.assertLess(server.cpu_share(0.5), 0.05 * SCALE)


class Vanishing(ServerCase):
    RESETS = 10_000 if SCALE == 1 else 1000

    # The kin of HTTP/2's rapid reset, CVE-2023-44487.
    async def test_rapid_resets_leave_no_descriptor_and_no_memory(self):
        server = self.serve("-q")
        await self.assert_alive(server)
        self.reset_many(server, self.RESETS // 5)
        await self.assert_settled(server)
        before = server.private_memory()
        self.reset_many(server, self.RESETS)
        await self.assert_settled(server)
        if SCALE == 1:
            self.assertLess(server.private_memory() - before, MIB)

    def reset_many(self, server, number):
        """Some at once, some after the request, some after the answer (which may be a refusal),
        some in the middle of a conversation."""
        good, bad = request(), request(without=["Sec-WebSocket-Key"])
        for n in range(number):
            client = RawClient(server)
            if n % 5 > 0:
                client.try_send(bad if n % 5 == 4 else good)
            if n % 5 > 1:
                self.assertTrue(client.sock.recv(4096), "the server left during the handshake")
            if n % 5 == 3:
                client.try_send(frame(TEXT, b"double"))
            client.reset()

    async def assert_settled(self, server):
        await self.assert_alive(server)
        wait_until(lambda: server.descriptors() <= self.idle_descriptors(server),
                   "the descriptors are given back")

    def idle_descriptors(self, server):
        if not hasattr(self, "_idle"):
            fresh = self.serve()
            with opened(fresh):
                pass
            fresh.wait_for_log(" disconnected")
            self._idle = fresh.descriptors()
        return self._idle

    async def test_a_half_closed_peer_is_let_go(self):
        server = self.serve()
        with opened(server) as client:
            client.sock.shutdown(socket.SHUT_WR)
            client.wait_gone()
        server.wait_for_log(r" disconnected.*\b1006\b")

    async def test_half_closing_during_the_handshake_is_let_go(self):
        server = self.serve()
        for part in (b"", request()[:30]):
            with RawClient(server) as client:
                client.try_send(part)
                client.sock.shutdown(socket.SHUT_WR)
                client.wait_gone()
        await self.assert_alive(server)

    async def test_leaving_inside_a_broadcast_hurts_nobody(self):
        server = self.serve()
        with opened(server) as witness:
            for n in range(50):
                clients = [opened(server) for _ in range(4)]
                clients[0].send(frame(TEXT, b"double %d" % n) + frame(TEXT, b"ends %d" % n)
                                + frame(CLOSE, b"\x03\xe8"))
                clients[1].send(frame(TEXT, b"\xff"))
                clients[2].reset()
                for client in clients:
                    client.close()
                got = [witness.recv_data().payload for _ in range(3)]
                self.assertEqual(got, [b"double %d #1" % n, b"double %d #2" % n, b"ends %d" % n])

    async def test_cve_2024_23672_a_close_that_is_never_answered_ends_all_the_same(self):
        server = self.serve()
        with opened(server) as client:
            client.send_frame(TEXT, b"\xff")
            client.recv_close()  # and no answer, and no end from us
            server.wait_for_log(rf"{client.address} disconnected", limit=6 * SCALE)
            self.assertEqual(client.wait_gone(limit=1), "eof")


if __name__ == "__main__":
    unittest.main()
