"""Out of descriptors, and thousands of peers that never finish their handshake."""
# ctest: serial

import asyncio
import pathlib
import resource
import statistics
import threading
import time
import unittest

from support import LIMIT, SCALE, ServerCase, make_certificate, wait_until
from rawclient import TEXT, RawClient, opened, request


def established_elsewhere(port):
    """Connections to the port that the kernel holds ready and nobody has accepted."""
    waiting = 0
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state, queues = (line.split()[i] for i in (1, 3, 4))
        if state == "0A" and int(local.split(":")[1], 16) == port:
            waiting += int(queues.split(":")[1], 16)
    return waiting


class OutOfDescriptors(ServerCase):
    async def test_accepting_pauses_without_spinning_and_recovers(self):
        server = self.serve()
        await self.assert_alive(server)
        wait_until(lambda: server.find_log(" disconnected"), "the first has left")
        limit = server.descriptors() + 8
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
        clients = [RawClient(server) for _ in range(40)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(request())
        served = clients[0]
        served.recv_response()
        wait_until(lambda: server.descriptors() >= limit or self.refusals(clients),
                   "the descriptors run out")
        self.assertLess(server.cpu_share(1.0), 0.05 * SCALE)
        served.send_frame(TEXT, b"hi")
        self.assertEqual(served.recv_data().payload, b"hi")
        for client in clients[1:]:
            client.close()
        await asyncio.to_thread(self.connects, server)

    def refusals(self, clients):
        return established_elsewhere(clients[0].sock.getpeername()[1]) == 0

    def connects(self, server):
        def attempt():
            try:
                with opened(server, limit=2 * SCALE) as client:
                    client.send_frame(TEXT, b"back")
                    return client.recv_data().payload == b"back"
            except Exception:
                return False
        wait_until(attempt, "accepting goes on")

    async def test_few_descriptors_from_the_start_are_kept_within(self):
        server = self.serve(nofile=96)
        clients, statuses = [], []
        for _ in range(80):
            clients.append(RawClient(server))
            self.addCleanup(clients[-1].close)
            clients[-1].try_send(request())
            statuses.append(clients[-1].recv_response().status)
            if statuses[-1] != 101:
                clients[-1].close()
        self.assertEqual(set(statuses), {101, 503})
        self.assertGreaterEqual(statuses.count(101), 16)
        self.assertLess(server.descriptors(), 96)
        clients[0].send_frame(TEXT, b"hi")
        self.assertEqual(clients[0].recv_data().payload, b"hi")


class Slowloris(ServerCase):
    DRIPPERS = 2500 if SCALE == 1 else 400

    async def test_thousands_of_drippers_are_gone_and_a_good_client_is_quick_meanwhile(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        server = self.serve("-q", "--handshake-timeout", f"{2 * SCALE}s")
        drippers = [RawClient(server) for _ in range(min(self.DRIPPERS, hard - 200))]
        for dripper in drippers:
            self.addCleanup(dripper.close)
        began = time.monotonic()
        stop = threading.Event()
        thread = threading.Thread(target=self.drip, args=(drippers, stop))
        thread.start()
        try:
            times = []
            for _ in range(15):
                start = time.monotonic()
                opened(server).close()
                times.append(time.monotonic() - start)
            self.assertLess(statistics.median(times), 0.05 * SCALE)
            wait_until(lambda: server.descriptors() < 100, "the drippers are gone",
                       3 * SCALE - (time.monotonic() - began) + 0.5)
        finally:
            stop.set()
            thread.join()
        for dripper in drippers:
            dripper.wait_gone()
        await self.assert_alive(server)

    def drip(self, drippers, stop):
        data = request()
        for i in range(len(data) - 5):
            for dripper in drippers:
                dripper.try_send(data[i:i + 1])
            if stop.wait(0.1):
                return


class HandshakeTimeout(ServerCase):
    TIMEOUT = 0.5 * SCALE

    def assert_gone_in_time(self, client, began):
        client.wait_gone(limit=self.TIMEOUT + SCALE)
        self.assertGreaterEqual(time.monotonic() - began, self.TIMEOUT * 0.8)

    async def test_a_silent_peer_and_a_cut_request_are_dropped(self):
        server = self.serve("--handshake-timeout", f"{int(self.TIMEOUT * 1000)}ms")
        for part in (b"", b"GET / HT", request()[:-2]):
            began = time.monotonic()
            with RawClient(server) as client:
                client.send(part)
                self.assert_gone_in_time(client, began)

    async def test_bytes_do_not_move_the_deadline(self):
        server = self.serve("--handshake-timeout", f"{int(self.TIMEOUT * 1000)}ms")
        began, pause = time.monotonic(), threading.Event()
        with RawClient(server) as client:
            try:
                while time.monotonic() - began < LIMIT:
                    client.send(b"X: y\r\n" if time.monotonic() - began > 0.05
                                else b"GET / HTTP/1.1\r\n")
                    pause.wait(0.05)
                self.fail("the deadline moved")
            except (BrokenPipeError, ConnectionResetError):
                self.assertLess(time.monotonic() - began, self.TIMEOUT + SCALE)

    async def test_cve_2026_26999_a_stalled_tls_handshake_is_dropped(self):
        cert, key = make_certificate(self.temp_dir())
        server = self.serve("--tls-cert", cert, "--tls-key", key,
                            "--handshake-timeout", f"{int(self.TIMEOUT * 1000)}ms")
        for part in (b"", b"\x16\x03\x01\x02\x00\x01"):
            began = time.monotonic()
            with RawClient(server) as client:
                client.send(part)
                self.assert_gone_in_time(client, began)

    async def test_an_open_connection_is_not_measured_by_it(self):
        server = self.serve("--handshake-timeout", f"{int(self.TIMEOUT * 1000)}ms")
        ws = await self.connect(server)
        await self.assert_silent(ws, self.TIMEOUT * 2)
        await ws.send("still there")
        self.assertEqual(await self.recv(ws), "still there")


if __name__ == "__main__":
    unittest.main()
