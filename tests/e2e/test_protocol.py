"""The open connection with a lawful client of another make: plain, and again over TLS."""
# ctest: one-byte

import asyncio
import random
import ssl
import unittest
import zlib

from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from support import KIB, LIMIT, MIB, PRELOAD, ServerCase, make_certificate, trusting
from rawclient import (BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, close_body, frame,
                       opened)


class Protocol(ServerCase):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.tls = None
        self.server = self.serve(*self.server_args())

    def server_args(self):
        return ["--subprotocol", "chat"]

    async def client(self, **settings):
        extra = {"ssl": self.tls} if self.tls else {}
        return await self.connect(self.server, **extra, **settings)

    def raw(self, *headers):
        client = opened(self.server, headers, tls=self.tls)
        self.addCleanup(client.close)
        return client

    async def test_1_mib_both_ways(self):
        ws = await self.client()
        size = 100 * KIB if PRELOAD else MIB
        for message in ("x" * size, bytes(range(256)) * (size // 256), "\u0442" * (size // 2)):
            await ws.send(message)
            self.assertEqual(await self.recv(ws), message)

    async def test_every_length_at_the_borders_of_the_length_field(self):
        ws = await self.client()
        for n in (0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537):
            await ws.send(b"x" * n)
            self.assertEqual(len(await self.recv(ws)), n)

    async def test_fragments_are_joined(self):
        ws = await self.client()
        await ws.send(["fr", "", "ag", "ments", ""])
        self.assertEqual(await self.recv(ws), "fragments")
        await ws.send([b"\x00", b"\xff"])
        self.assertEqual(await self.recv(ws), b"\x00\xff")

    async def test_a_word_cut_by_a_fragment_is_found(self):
        ws = await self.client()
        await ws.send(["ign", "ore"])
        await ws.send(["dou", "ble"])
        self.assertEqual(await self.recv_many(ws, 2), ["double #1", "double #2"])

    async def test_pings_between_fragments_are_answered_at_once(self):
        client = self.raw()
        client.send_frame(TEXT, b"Hel", fin=False)
        client.send_frame(PING, b"1")
        self.assertEqual(client.recv_frame()[2:], (PONG, b"1"))
        client.send_frame(CONTINUATION, b"l", fin=False)
        client.send_frame(PING)
        self.assertEqual(client.recv_frame()[2:], (PONG, b""))
        client.send_frame(CONTINUATION, b"o")
        self.assertEqual(client.recv_frame()[2:], (TEXT, b"Hello"))

    async def test_a_code_point_cut_by_a_fragment_is_joined(self):
        text = "\u0442\u20ac\U0001f600".encode()
        client = self.raw()
        for cut in range(1, len(text)):
            client.send(frame(TEXT, text[:cut], fin=False) + frame(CONTINUATION, text[cut:]))
            self.assertEqual(client.recv_data().payload, text)

    async def test_one_byte_at_a_time_gives_the_same(self):
        client = self.raw()
        for byte in frame(TEXT, b"slow" * 40) + frame(PING, b"p"):
            client.send(bytes([byte]))
        # A control frame may overtake a message (RFC 6455 s.5.4).
        self.assertEqual({client.recv_frame()[2:], client.recv_frame()[2:]},
                         {(TEXT, b"slow" * 40), (PONG, b"p")})

    # µWebSockets read one frame inside the other.
    async def test_uwebsockets_osv_2020_1695_back_to_back_small_frames_are_all_read(self):
        client = self.raw()
        client.send(frame(TEXT) * 20_000 + frame(PING, b"end"))
        got = [client.recv_frame()[2:] for _ in range(20_001)]
        self.assertEqual(got.count((TEXT, b"")), 20_000)
        self.assertEqual(got.count((PONG, b"end")), 1)

    async def test_a_pong_nobody_asked_for_is_ignored(self):
        ws = await self.client()
        await ws.pong(b"unasked")
        await ws.send("hi")
        self.assertEqual(await self.recv(ws), "hi")

    async def test_the_latest_ping_is_answered(self):
        ws = await self.client()
        waiters = [await ws.ping() for _ in range(20)]
        await asyncio.wait_for(waiters[-1], LIMIT)

    async def test_lawful_close_codes_come_back(self):
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
            client = self.raw()
            client.send_frame(CLOSE, close_body(code, b"because"))
            self.assertEqual(client.recv_close()[0], code)
            self.assertEqual(client.wait_gone(), "eof")

    async def test_unlawful_close_codes_are_1002(self):
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
            client = self.raw()
            client.send_frame(CLOSE, close_body(code))
            self.assertEqual(client.recv_close()[0], 1002, code)
            client.wait_gone()

    async def test_close_bodies_that_are_wrong(self):
        for body, code in ((b"\x03", 1002), (close_body(1000, b"\xff"), 1007),
                           (close_body(1000, b"\xe2\x82"), 1007)):
            client = self.raw()
            client.send_frame(CLOSE, body)
            self.assertEqual(client.recv_close()[0], code, body)
            client.wait_gone()

    async def test_nothing_is_read_or_sent_after_a_close(self):
        client = self.raw()
        bob = await self.client()
        client.send(frame(CLOSE, close_body(1000)) + frame(TEXT, b"late") + frame(PING, b"late"))
        self.assertEqual(client.recv_close()[0], 1000)
        self.assertEqual(client.recv_until_gone()[0], b"")
        await bob.send("end")
        self.assertEqual(await self.recv(bob), "end")

    async def test_a_close_that_cuts_a_fragmented_message_is_lawful(self):
        client = self.raw()
        client.send(frame(TEXT, b"never ends", fin=False) + frame(CLOSE, close_body(1000)))
        self.assertEqual(client.recv_close()[0], 1000)

    async def test_a_subprotocol_is_agreed(self):
        self.assertEqual((await self.client(subprotocols=["x", "chat"])).subprotocol, "chat")

    async def test_compressed_messages_between_clients_of_all_kinds(self):
        packed = [await self.client(compression="deflate") for _ in range(2)]
        plain = await self.client()
        self.assertIn("permessage-deflate",
                      packed[0].response_headers["Sec-WebSocket-Extensions"])
        for message in ("hi", "many words " * 5000, bytes(range(256)) * 64, "", "double " * 100):
            await packed[0].send(message)
            wanted = [message + " #1", message + " #2"] if "double" in str(message) else [message]
            for ws in (*packed, plain):
                self.assertEqual(await self.recv_many(ws, len(wanted)), wanted)

    async def test_compression_with_every_choice_of_parameters(self):
        for server_off, client_off, server_bits, client_bits in (
                (True, True, 9, 15), (False, True, 15, 9), (True, False, 12, 10),
                (False, False, 15, 15)):
            ws = await self.client(extensions=[ClientPerMessageDeflateFactory(
                server_no_context_takeover=server_off, client_no_context_takeover=client_off,
                server_max_window_bits=server_bits, client_max_window_bits=client_bits)])
            for n in range(20):
                message = f"message {n} " * 1000
                await ws.send(message)
                self.assertEqual(await self.recv(ws), message)
            await ws.close()

    async def test_the_servers_window_is_no_larger_than_agreed(self):
        # A window of more than 512 bytes would find the second half in the first.
        block = bytes(random.choices(b"0123456789abcdef", k=3 * KIB))
        for bits in (9, 10, 15):
            client = self.raw(("Sec-WebSocket-Extensions",
                               f"permessage-deflate; server_max_window_bits={bits}"))
            client.send_frame(BINARY, block * 2)
            got = client.recv_data()
            self.assertEqual(got.rsv, RSV1)
            self.assertEqual(self.inflate_in_pieces(got.payload, bits), block * 2)
            self.assertEqual(len(got.payload) < 3 * KIB, bits == 15)

    def inflate_in_pieces(self, data, bits):
        """As a peer does that has no more memory than the window."""
        inflater, text = zlib.decompressobj(wbits=-bits), b""
        data += b"\0\0\xff\xff"
        for begin in range(0, len(data), 64):
            text += inflater.decompress(data[begin:begin + 64])
        return text

    async def test_compressed_fragments_are_joined(self):
        ws = await self.client(compression="deflate")
        await ws.send(["abc" * 1000, "", "def" * 1000])
        self.assertEqual(await self.recv(ws), "abc" * 1000 + "def" * 1000)


class ProtocolOverTls(Protocol):
    def server_args(self):
        cert, key = make_certificate(self.temp_dir())
        self.tls = trusting(cert)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        return [*super().server_args(), "--tls-cert", cert, "--tls-key", key]


if __name__ == "__main__":
    unittest.main()
