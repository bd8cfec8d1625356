"""SIGTERM and Ctrl+C: no new ones, 1001 to all, no torn frame, exit 0."""
# ctest: threads
# ctest: serial

import asyncio
import signal
import socket
import time
import unittest

import websockets

from support import LIMIT, SCALE, ServerCase, make_certificate, trusting
from rawclient import (BINARY, CLOSE, RawClient, TEXT, close_body, frame, opened, request,
                       whole_frames)

CLOSE_LIMIT = 5


class Stop(ServerCase):
    async def stop_is_graceful(self, number):
        server = self.serve()
        peers = await self.connect_many(server, 3)
        server.send_signal(number)
        for ws in peers:
            await self.assert_closed(ws, 1001)
        began = time.monotonic()
        self.assertEqual(await asyncio.to_thread(server.wait), 0)
        self.assertLess(time.monotonic() - began, 2 * SCALE)
        with self.assertRaises(ConnectionRefusedError):
            RawClient(server)

    async def test_sigterm_gives_1001_to_all_and_exit_0(self):
        await self.stop_is_graceful(signal.SIGTERM)

    async def test_sigint_is_the_same(self):
        await self.stop_is_graceful(signal.SIGINT)

    async def test_the_end_of_the_terminal_is_the_same(self):
        await self.stop_is_graceful(signal.SIGHUP)

    async def test_nohup_is_heard(self):
        server = self.serve(preexec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        server.process.send_signal(signal.SIGHUP)
        await self.assert_alive(server)
        self.assertEqual(server.find_log("stopping"), [])

    async def test_it_says_what_it_waits_for_if_anybody_is_there(self):
        server = self.serve()
        await self.connect(server)
        await asyncio.to_thread(server.stop)
        self.assertTrue(server.find_log("^stopping: clients have 5 seconds to answer; a second "
                                        "signal ends it at once$"))
        alone = self.serve()
        alone.stop()
        self.assertTrue(alone.find_log("^stopping$"))

    async def test_without_clients_it_is_immediate(self):
        server = self.serve("--threads", "4")
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - began, 1 * SCALE)

    async def test_every_client_is_logged_as_closed_by_the_server(self):
        server = self.serve()
        peers = await self.connect_many(server, 5)
        await asyncio.to_thread(server.stop)
        for ws in peers:
            port = ws.local_address[1]
            self.assertTrue(server.find_log(rf":{port} disconnected(?=.*1001)(?=.*server)"))

    async def test_what_was_said_before_the_signal_still_arrives(self):
        server = self.serve()
        with opened(server) as client:
            client.send(frame(BINARY, b"x" * 500_000) * 4)
            client.recv_data()
            server.send_signal()
            rest = []
            while (got := client.recv_data()).opcode != CLOSE:
                rest.append(got.payload)
            self.assertEqual(got.payload[:2], b"\x03\xe9")
            self.assertTrue(all(p == b"x" * 500_000 for p in rest))

    async def test_no_new_connection_is_taken_while_it_stops(self):
        server = self.serve()
        with opened(server) as client:
            server.send_signal()
            client.recv_close()  # unanswered: the server waits
            try:
                with RawClient(server) as late:
                    late.try_send(request())
                    data, _ = late.recv_until_gone()
                    self.assertNotIn(b" 101 ", data)
            except ConnectionRefusedError:
                pass

    async def test_tomcat_23672_who_never_answers_holds_it_up_for_the_close_limit_only(self):
        server = self.serve()
        with opened(server) as client:
            client.send_frame(TEXT, b"hi")
            client.recv_data()
            began = time.monotonic()
            server.send_signal()
            self.assertEqual(await asyncio.to_thread(server.wait, 12 * SCALE), 0)
            self.assertLess(time.monotonic() - began, CLOSE_LIMIT + 1 * SCALE)
            self.assertEqual(client.recv_close()[0], 1001)

    async def test_a_second_signal_ends_it_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT),
                              (signal.SIGTERM, signal.SIGINT)):
            server = self.serve()
            with opened(server) as client:
                server.send_signal(first)
                client.recv_close()  # and no answer
                began = time.monotonic()
                server.send_signal(second)
                code = await asyncio.to_thread(server.wait)
                self.assertLess(time.monotonic() - began, 1 * SCALE)
                self.assertIn(code, (0, 1, 130, 143, -signal.SIGTERM, -signal.SIGINT))
                server.expected_exit = code

    async def test_a_second_signal_is_heard_on_whichever_thread_somebody_is_left(self):
        for _ in range(8):  # the system picks the thread
            server = self.serve("--threads", "2")
            with opened(server) as client:
                server.send_signal()
                client.recv_close()  # and no answer
                began = time.monotonic()
                server.send_signal()
                self.assertEqual(await asyncio.to_thread(server.wait), 130)
                self.assertLess(time.monotonic() - began, 1 * SCALE)
                server.expected_exit = 130

    async def test_peers_still_in_the_handshake_do_not_hold_it_up(self):
        cert, key = make_certificate(self.temp_dir())
        for args in ((), ("--tls-cert", cert, "--tls-key", key)):
            server = self.serve(*args)
            idle = [RawClient(server) for _ in range(10)]
            for n, client in enumerate(idle):
                self.addCleanup(client.close)
                if n % 2:
                    client.send(b"GET / HT")
            began = time.monotonic()
            self.assertEqual(await asyncio.to_thread(server.stop), 0)
            self.assertLess(time.monotonic() - began, 2 * SCALE)

    async def test_a_peer_that_never_reads_does_not_hold_it_up_for_ever(self):
        server = self.serve("--echo", "--max-backlog", "16M")
        with opened(server, rcvbuf=4096) as client:
            client.send_until_blocked(frame(BINARY, b"x" * 60000) * 100, patience=0.3)
            began = time.monotonic()
            self.assertEqual(await asyncio.to_thread(server.stop, signal.SIGTERM, 15 * SCALE), 0)
            self.assertLess(time.monotonic() - began, 10 + 1 * SCALE)

    async def test_a_frame_cut_by_the_stop_is_no_violation(self):
        server = self.serve()
        with opened(server) as client:
            client.send(frame(TEXT, b"x" * 1000)[:500])
            await self.assert_alive(server)
            server.send_signal()
            self.assertEqual(client.recv_close()[0], 1001)
            client.send(frame(TEXT, b"x" * 1000, key=b"\0\0\0\0")[500:])
            client.send_frame(CLOSE, close_body(1001))
            self.assertEqual(client.wait_gone(), "eof")


class UnderLoad(ServerCase):
    CLIENTS = 100 if SCALE == 1 else 40

    async def under_load(self, *args, tls=None):
        """Everybody is told 1001, and what came before is whole (the client's parser would say
        1006 or 1002 otherwise)."""
        server = self.serve(*args, every="10ms")
        extra = {"ssl": tls, "host": "localhost"} if tls else {}
        peers = await self.connect_many(server, self.CLIENTS, **extra)
        got = [0] * len(peers)

        async def listen(n, ws):
            try:
                async for message in ws:
                    got[n] += 1
                    if n < 10 and message.startswith(f"from {n} "):
                        await ws.send(f"from {n} " + "x" * 2000)
            except websockets.ConnectionClosed:
                pass

        listeners = [asyncio.create_task(listen(n, ws)) for n, ws in enumerate(peers)]
        for n, ws in enumerate(peers[:10]):
            await ws.send(f"from {n} first")
        while min(got) < 20:
            await asyncio.wait(listeners, timeout=0.01, return_when=asyncio.FIRST_COMPLETED)
        server.send_signal()
        await asyncio.wait_for(asyncio.gather(*listeners), LIMIT)
        self.assertEqual({ws.close_code for ws in peers}, {1001})
        self.assertEqual(await asyncio.to_thread(server.wait), 0)

    async def test_each_of_100_clients_sees_1001_and_no_torn_frame(self):
        await self.under_load()

    async def test_the_same_with_four_threads(self):
        await self.under_load("--threads", "4")

    async def test_the_same_over_tls(self):
        cert, key = make_certificate(self.temp_dir())
        await self.under_load("--tls-cert", cert, "--tls-key", key, tls=trusting(cert))

    async def test_the_bytes_end_with_a_whole_close_frame(self):
        server = self.serve("--threads", "2")
        clients = [opened(server) for _ in range(10)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(frame(TEXT, b"double " + b"x" * 3000) * 20)
        clients[0].recv_data()
        server.send_signal()
        for client in clients:
            client.try_send(frame(CLOSE, close_body(1001)))
            client.sock.shutdown(socket.SHUT_WR)
            data, how = await asyncio.to_thread(client.recv_until_gone)
            frames = whole_frames(data)
            self.assertEqual(frames[-1].opcode, CLOSE)
            self.assertEqual([f for f in frames[:-1] if f.opcode == CLOSE], [])
            self.assertEqual(how, "eof")


if __name__ == "__main__":
    unittest.main()
