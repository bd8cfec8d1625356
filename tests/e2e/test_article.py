"""The article's server, to the letter: four modes of a conversation, and what it logs."""
# ctest: one-byte

import asyncio
import unittest

from support import LIMIT, ServerCase
from rawclient import CLOSE, PING, PONG, TEXT, close_body, frame, opened


class FourModes(ServerCase):
    async def test_a_message_goes_to_everybody_the_sender_included(self):
        server = self.serve()
        alice, bob, carol = await self.connect_many(server, 3)
        await alice.send("hi")
        for ws in (alice, bob, carol):
            self.assertEqual(await self.recv(ws), "hi")

    async def test_double_gives_two_numbered_messages_to_everybody_in_order(self):
        server = self.serve()
        alice, bob = await self.connect_many(server, 2)
        await alice.send("double trouble")
        for ws in (alice, bob):
            self.assertEqual(await self.recv_many(ws, 2),
                             ["double trouble #1", "double trouble #2"])
        server.wait_for_log(r"double response$")

    async def test_ignore_gets_no_response(self):
        server = self.serve()
        alice, bob = await self.connect_many(server, 2)
        await alice.send("please ignore me")
        await alice.send("after")
        for ws in (alice, bob):
            self.assertEqual(await self.recv(ws), "after")
        server.wait_for_log(r"ignore response$")

    async def test_ignore_is_asked_before_double(self):
        server = self.serve()
        ws = await self.connect(server)
        for text in ("ignore double", "double ignore", "double", "end"):
            await ws.send(text)
        self.assertEqual(await self.recv_many(ws, 3), ["double #1", "double #2", "end"])
        server.wait_for_log(r"double response$")
        self.assertEqual(len(server.find_log(r"ignore response$")), 2)
        self.assertEqual(len(server.find_log(r"double response$")), 1)

    async def test_the_words_are_found_inside_other_words_and_case_matters(self):
        server = self.serve()
        ws = await self.connect(server)
        for text in ("ignored", "redoubled", "IGNORE", "Double"):
            await ws.send(text)
        self.assertEqual(await self.recv_many(ws, 4),
                         ["redoubled #1", "redoubled #2", "IGNORE", "Double"])

    async def test_the_words_are_found_at_both_ends_of_a_long_message(self):
        server = self.serve()
        ws = await self.connect(server)
        filler = "ignor doubl " * 5000
        for text in (filler + "ignore", "ignore" + filler, filler):
            await ws.send(text)
        self.assertEqual(await self.recv(ws), filler)
        await ws.send(filler + "double")
        self.assertEqual(await self.recv_many(ws, 2),
                         [filler + "double #1", filler + "double #2"])

    async def test_binary_stays_binary_and_its_bytes_are_searched_too(self):
        server = self.serve()
        alice, bob = await self.connect_many(server, 2)
        for data in (bytes(range(256)), b"\xff\x00ignore\xfe", b"\xffdouble\x00", b"\x00\xff"):
            await alice.send(data)
        for ws in (alice, bob):
            self.assertEqual(await self.recv_many(ws, 4),
                             [bytes(range(256)), b"\xffdouble\x00 #1", b"\xffdouble\x00 #2",
                              b"\x00\xff"])

    async def test_an_empty_message_is_a_message(self):
        server = self.serve()
        ws = await self.connect(server)
        await ws.send("")
        await ws.send(b"")
        self.assertEqual(await self.recv_many(ws, 2), ["", b""])

    async def test_any_path_is_served(self):
        server = self.serve()
        one = await self.connect(server, "/")
        other = await self.connect(server, "/some/where?room=1&x=%20")
        await one.send("hi")
        self.assertEqual(await self.recv(other), "hi")

    async def test_a_burst_arrives_whole_and_in_order_at_everybody(self):
        server = self.serve()
        peers = await self.connect_many(server, 5)
        sent = [f"message {i}" for i in range(500)]
        for text in sent:
            await peers[0].send(text)
        for ws in peers:
            self.assertEqual(await self.recv_many(ws, len(sent)), sent)

    async def test_who_left_misses_nothing_for_the_others(self):
        server = self.serve()
        alice, bob, carol = await self.connect_many(server, 3)
        await carol.close()
        await alice.send("hi")
        self.assertEqual([await self.recv(ws) for ws in (alice, bob)], ["hi", "hi"])

    async def test_echo_option_answers_the_sender_alone_and_unchanged(self):
        server = self.serve("--echo")
        alice, bob = await self.connect_many(server, 2)
        sent = ["hi", "double", "ignore", b"\x00double\xff"]
        for message in sent:
            await alice.send(message)
        self.assertEqual(await self.recv_many(alice, 4), sent)
        await bob.send("bob's")
        self.assertEqual(await self.recv(bob), "bob's")


class Logs(ServerCase):
    async def test_connected_and_disconnected_name_the_address(self):
        server = self.serve()
        ws = await self.connect(server)
        address = "127.0.0.1:%d" % ws.local_address[1]
        server.wait_for_log(rf"{address} connected")
        await ws.close(1000)
        server.wait_for_log(rf"{address} disconnected")

    async def test_the_clients_close_is_logged_with_its_code(self):
        server = self.serve()
        for code in (1000, 3001, 4999):
            ws = await self.connect(server)
            await ws.close(code)
            server.wait_for_log(rf":{ws.local_address[1]} disconnected"
                                rf"(?=.*\b{code}\b)(?=.*\bclient\b)(?!.*\bserver\b)")

    async def test_a_close_without_a_code_is_logged(self):
        server = self.serve()
        with opened(server) as client:
            client.send_frame(CLOSE)
            self.assertEqual(client.recv_close(), (1005, ""))
            server.wait_for_log(rf"{client.address} disconnected(?=.*\b1005\b)(?=.*\bclient\b)")

    async def test_a_lost_client_is_logged_as_1006(self):
        server = self.serve()
        for vanish in ("close", "reset"):
            client = opened(server)
            getattr(client, vanish)()
            server.wait_for_log(rf"{client.address} disconnected.*\b1006\b")

    async def test_the_servers_close_is_logged_as_the_servers(self):
        server = self.serve()
        with opened(server) as client:
            client.send_frame(TEXT, b"\xff")
            self.assertEqual(client.recv_close()[0], 1007)
            client.close()
            server.wait_for_log(rf"{client.address} disconnected(?=.*\b1007\b)(?=.*\bserver\b)")

    async def test_every_client_is_logged_once_each_way(self):
        server = self.serve()
        for ws in await self.connect_many(server, 20):
            await ws.close()
        server.wait_for_log(r" disconnected", count=20)
        self.assertEqual(len(server.find_log(r"\d connected")), 20)
        self.assertEqual(len(server.find_log(r" disconnected")), 20)

    async def test_closing_in_the_middle_of_a_double_hurts_nobody(self):
        server = self.serve()
        bob = await self.connect(server)
        with opened(server) as client:
            client.send(frame(TEXT, b"double") + frame(CLOSE, close_body(1000)))
            client.recv_close()
        self.assertEqual(await self.recv_many(bob, 2), ["double #1", "double #2"])

    async def test_a_ping_is_answered_with_its_bytes_and_not_broadcast(self):
        server = self.serve()
        bob = await self.connect(server)
        with opened(server) as client:
            client.send_frame(PING, b"are you there?")
            got = client.recv_frame()
            self.assertEqual((got.opcode, got.payload), (PONG, b"are you there?"))
            client.send_frame(TEXT, b"end")
        self.assertEqual(await asyncio.wait_for(bob.recv(), LIMIT), "end")


if __name__ == "__main__":
    unittest.main()
