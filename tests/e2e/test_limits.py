"""Options that say who may come in, and how much of anything."""

import asyncio
import unittest
import zlib

import websockets

from support import KIB, LIMIT, MIB, ServerCase, wait_until
from rawclient import (BINARY, CONTINUATION, RSV1, TEXT, RawClient, frame, opened, request)


def status_for(server, *headers):
    with RawClient(server) as client:
        return client.upgrade(headers, expect=None).status


def deflated(data):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Origins(ServerCase):
    async def test_any_origin_is_welcome_by_default(self):
        server = self.serve()
        for origin in ("https://websocketking.com", "null", "chrome-extension://abcdef",
                       "http://localhost.evil.test", "file://"):
            self.assertEqual(status_for(server, ("Origin", origin)), 101, origin)

    async def test_allow_origin_refuses_the_others_null_included(self):
        server = self.serve("--allow-origin", "http://good.test",
                            "--allow-origin", "https://fine.test:8443")
        for origin in ("http://good.test", "https://fine.test:8443"):
            self.assertEqual(status_for(server, ("Origin", origin)), 101, origin)
        for origin in ("null", "https://good.test", "http://good.test.evil.test",
                       "http://evil.test/http://good.test", "http://good.test:80",
                       "http://good.tes", "http://sub.good.test", "https://fine.test",
                       "https://fine.test:84433", ""):
            self.assertEqual(status_for(server, ("Origin", origin)), 403, origin)

    async def test_an_absent_origin_passes(self):
        server = self.serve("--allow-origin", "http://good.test")
        self.assertEqual(status_for(server), 101)

    async def test_two_origins_in_one_request_are_no_way_in(self):
        server = self.serve("--allow-origin", "http://good.test")
        for pair in (("http://good.test", "http://evil.test"),
                     ("http://evil.test", "http://good.test")):
            self.assertIn(status_for(server, *(("Origin", o) for o in pair)), (400, 403))

    async def test_null_can_be_allowed_by_name(self):
        server = self.serve("--allow-origin", "null")
        self.assertEqual(status_for(server, ("Origin", "null")), 101)
        self.assertEqual(status_for(server, ("Origin", "http://good.test")), 403)


class Subprotocols(ServerCase):
    async def test_the_clients_first_that_we_speak_is_chosen(self):
        server = self.serve("--subprotocol", "chat.v2", "--subprotocol", "chat.v1")
        for offer, chosen in ((["chat.v1", "chat.v2"], "chat.v1"), (["x", "chat.v2"], "chat.v2"),
                              (["x", "y"], None)):
            ws = await self.connect(server, subprotocols=offer)
            self.assertEqual(ws.subprotocol, chosen)

    async def test_without_the_option_none_is_chosen(self):
        ws = await self.connect(self.serve(), subprotocols=["chat"])
        self.assertIsNone(ws.subprotocol)

    async def test_a_client_that_asks_for_none_is_given_none(self):
        server = self.serve("--subprotocol", "chat")
        with RawClient(server) as client:
            self.assertNotIn("sec-websocket-protocol", client.upgrade().headers)


class Deflate(ServerCase):
    OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")

    async def test_it_is_agreed_by_default_and_not_with_no_deflate(self):
        for args, agreed in (((), True), (("--no-deflate",), False)):
            with RawClient(self.serve(*args)) as client:
                answer = client.upgrade([self.OFFER])
                got = answer.headers.get("sec-websocket-extensions", [""])[0]
                self.assertEqual("permessage-deflate" in got, agreed)

    async def test_without_agreement_a_compressed_message_is_1002(self):
        with opened(self.serve("--no-deflate"), [self.OFFER]) as client:
            client.send_frame(TEXT, deflated(b"hello"), rsv=RSV1)
            self.assertEqual(client.recv_close()[0], 1002)


class Connections(ServerCase):
    async def test_max_connections_gives_503_with_retry_after(self):
        server = self.serve("--max-connections", "2")
        one, two = await self.connect_many(server, 2)
        with RawClient(server) as client:
            client.try_send(request())
            answer = client.recv_response()
            self.assertEqual(answer.status, 503)
            self.assertRegex(answer.headers["retry-after"][0], r"^\d+$")
            self.assertIn("close", answer.headers["connection"])
            client.wait_gone()
        await one.send("hi")
        self.assertEqual([await self.recv(ws) for ws in (one, two)], ["hi", "hi"])

    async def test_a_place_that_is_free_again_is_given_again(self):
        server = self.serve("--max-connections", "2")
        one, _ = await self.connect_many(server, 2)
        self.assertEqual(status_for(server), 503)
        await one.close()
        await asyncio.to_thread(wait_until, lambda: status_for(server) == 101, "a free place")


class MessageSize(ServerCase):
    ARGS = ("--max-message-size", "64K", "--echo")

    async def test_the_limit_itself_passes_and_one_more_is_1009(self):
        server = self.serve(*self.ARGS)
        ws = await self.connect(server)
        await ws.send("x" * 64 * KIB)
        self.assertEqual(len(await self.recv(ws)), 64 * KIB)
        await ws.send("x" * (64 * KIB + 1))
        await self.assert_closed(ws, 1009)

    async def test_fragments_are_added_up(self):
        with opened(self.serve(*self.ARGS)) as client:
            client.send_frame(BINARY, b"x" * 60000, fin=False)
            client.try_send(frame(CONTINUATION, b"x" * 10000, fin=False))
            self.assertEqual(client.recv_close()[0], 1009)

    async def test_the_limit_is_judged_after_inflating(self):
        server = self.serve(*self.ARGS)
        ws = await self.connect(server, compression="deflate")
        await ws.send("x" * 64 * KIB)
        self.assertEqual(len(await self.recv(ws)), 64 * KIB)
        await ws.send("x" * (64 * KIB + 1))
        await self.assert_closed(ws, 1009)

    async def test_the_default_is_1_mib(self):
        server = self.serve()
        ws = await self.connect(server)
        await ws.send("x" * MIB)
        self.assertEqual(len(await self.recv(ws)), MIB)
        await ws.send("x" * (MIB + 1))
        await self.assert_closed(ws, 1009)

    async def test_ws_2285_data_after_the_overflow_gives_one_close(self):
        with opened(self.serve(*self.ARGS)) as client:
            client.try_send(frame(BINARY, b"x" * 100000) + frame(TEXT, b"more") * 100)
            self.assertEqual(client.recv_close()[0], 1009)
            rest, _ = client.recv_until_gone()
            self.assertEqual(rest, b"")


class Fragments(ServerCase):
    async def test_max_fragments_passes_and_one_more_is_1008(self):
        server = self.serve("--max-fragments", "10")
        for count, closes in ((10, False), (11, True)):
            parts = ([frame(TEXT, b"a", fin=False)] + [frame(CONTINUATION, b"b", fin=False)]
                     * (count - 2) + [frame(CONTINUATION, b"c")])
            with opened(server) as client:
                client.try_send(b"".join(parts))
                if closes:
                    self.assertEqual(client.recv_close()[0], 1008)
                else:
                    self.assertEqual(client.recv_data().payload, b"a" + b"b" * 8 + b"c")

    async def test_fragments_are_counted_per_message(self):
        with opened(self.serve("--max-fragments", "3")) as client:
            for _ in range(10):
                client.send(frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b"))
                self.assertEqual(client.recv_data().payload, b"ab")


class Refusal(ServerCase):
    async def test_a_refused_client_of_another_make_sees_the_status(self):
        server = self.serve("--allow-origin", "http://good.test")
        with self.assertRaises(websockets.InvalidStatusCode) as caught:
            await websockets.connect(server.url(), origin="http://evil.test", open_timeout=LIMIT)
        self.assertEqual(caught.exception.status_code, 403)


if __name__ == "__main__":
    unittest.main()
