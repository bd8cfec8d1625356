"""Frames that no lawful client sends: SECURITY's catalogue over real sockets. Each is answered
with exactly one close frame and the end of the connection, and costs the server nothing."""
# ctest: serial

import os
import pathlib
import re
import unittest
import zlib

from support import KIB, MIB, SCALE, ServerCase, unjudged_when_sanitized
from rawclient import (BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, RSV2, RSV3, TEXT, frame, head,
                       opened)

DEFLATE = ("Sec-WebSocket-Extensions", "permessage-deflate")


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def virtual_memory(server):
    """Bytes of data that the server has asked for, touched or not."""
    text = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return KIB * int(re.search(r"^VmData:\s+(\d+) kB", text, re.M).group(1))


class FramingCase(ServerCase):
    ARGS = ()

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.server = self.serve(*self.ARGS)

    def raw(self, *headers):
        client = opened(self.server, headers)
        self.addCleanup(client.close)
        return client

    def assert_code(self, data, *codes, headers=()):
        """These bytes end in one close frame with one of the codes, and then the end."""
        with opened(self.server, headers) as client:
            client.try_send(data)
            code, _ = client.recv_close()
            self.assertIn(code, codes, data[:20])
            self.assertEqual(client.recv_until_gone()[0], b"", data[:20])


class BadHeaders(FramingCase):
    async def test_reserved_bits(self):
        for rsv in (RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3):
            self.assert_code(frame(TEXT, b"x", rsv=rsv), 1002)
            self.assert_code(frame(PING, b"x", rsv=rsv), 1002)

    async def test_reserved_bits_where_deflate_was_agreed(self):
        for rsv in (RSV2, RSV3, RSV1 | RSV2):
            self.assert_code(frame(TEXT, b"x", rsv=rsv), 1002, headers=[DEFLATE])
        self.assert_code(frame(PING, b"x", rsv=RSV1), 1002, headers=[DEFLATE])
        self.assert_code(frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", rsv=RSV1), 1002,
                         headers=[DEFLATE])

    async def test_reserved_opcodes(self):
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            self.assert_code(frame(opcode, b"x"), 1002)

    async def test_a_frame_without_mask(self):
        for opcode in (TEXT, BINARY, PING, CLOSE):
            self.assert_code(frame(opcode, b"\x03\xe8", masked=False), 1002)

    async def test_fragmented_and_long_control_frames(self):
        for opcode in (CLOSE, PING, PONG):
            self.assert_code(frame(opcode, b"\x03\xe8", fin=False), 1002)
            self.assert_code(frame(opcode, b"\x03\xe8" + b"x" * 124), 1002)
            self.assert_code(head(opcode, MIB) + b"mask", 1002)

    async def test_lengths_that_are_not_minimal(self):
        for length, size in ((0, 2), (125, 2), (5, 8), (126, 8), (65535, 8)):
            self.assert_code(frame(TEXT, b"x" * length, len_size=size), 1002)

    async def test_cve_2025_51495_a_continuation_with_nothing_started(self):
        for fin in (True, False):
            self.assert_code(frame(CONTINUATION, b"x", fin=fin), 1002)
        self.assert_code(frame(TEXT, b"x") + frame(CONTINUATION, b"y"), 1002)

    async def test_a_new_message_inside_another(self):
        for opcode in (TEXT, BINARY):
            self.assert_code(frame(TEXT, b"x", fin=False) + frame(opcode, b"y"), 1002)

    # Also NATS CVE-2026-27889, and undici CVE-2026-1528 on the client's side.
    async def test_cve_2020_27813_lengths_that_overflow(self):
        for length in (2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63,
                       2**64 - 1):
            for opcode in (TEXT, BINARY):
                data = head(opcode, length) + os.urandom(4)
                self.assert_code(data, 1002, 1009)
                self.assert_code(data + b"x" * 1000, 1002, 1009)
            data = frame(TEXT, b"x", fin=False) + head(CONTINUATION, length) + b"mask"
            self.assert_code(data, 1002, 1009)

    async def test_a_header_cut_anywhere_waits_and_then_counts(self):
        data = head(BINARY, 2**63) + b"mask"
        with opened(self.server) as client:
            for byte in data:
                client.try_send(bytes([byte]))
            self.assertIn(client.recv_close()[0], (1002, 1009))


class BadContent(FramingCase):
    async def test_text_that_is_not_utf8_is_1007(self):
        for text in (b"\xff", b"\xc0\xaf", b"\xc1\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                     b"\xf8\x88\x80\x80\x80", b"\x80", b"ok \xe2\x82", b"\xe2\x28\xa1",
                     b"\xf0\x80\x80\x80"):
            self.assert_code(frame(TEXT, text), 1007)

    async def test_bad_utf8_split_anywhere_is_1007(self):
        text = b"good \xe2\x82\xac \xed\xa0\x80 bad"
        for cut in range(len(text)):
            self.assert_code(frame(TEXT, text[:cut], fin=False) + frame(CONTINUATION, text[cut:]),
                             1007)

    async def test_bad_utf8_is_seen_before_the_message_ends(self):
        self.assert_code(frame(TEXT, b"x" * 50 + b"\xff", fin=False), 1007)

    async def test_bad_utf8_inside_a_compressed_message_is_1007(self):
        self.assert_code(frame(TEXT, deflated(b"x" * 100 + b"\xff"), rsv=RSV1), 1007,
                         headers=[DEFLATE])

    async def test_what_is_no_deflate_stream_is_1007(self):
        for noise in (b"\xff" * 20, b"\x07" + b"\xaa" * 50, os.urandom(4) + b"\xff" * 400):
            self.assert_code(frame(BINARY, noise, rsv=RSV1), 1007, 1002, headers=[DEFLATE])


class Costs(FramingCase):
    BAD = (frame(3, b"x"), frame(TEXT, b"\xff"), frame(CONTINUATION, b"x"),
           head(BINARY, 2**63) + b"mask", frame(TEXT, b"x", masked=False), frame(BINARY, b"x" * 9,
           rsv=RSV1))

    async def test_cve_2020_13935_and_cve_2025_5399_the_server_is_idle_after_a_bad_frame(self):
        clients = [self.raw() for _ in self.BAD]
        for client, data in zip(clients, self.BAD):
            client.try_send(data)
        for client in clients:
            client.recv_close()
        self.assertLess(self.server.cpu_share(0.3), 0.05 * SCALE)
        await self.assert_alive(self.server)

    async def test_it_is_idle_with_half_a_frame_in_hand(self):
        for data in (b"\x81", b"\x81\xfe", b"\x81\xfe\x01", frame(TEXT, b"x" * 300)[:100]):
            self.raw().send(data)
        await self.assert_alive(self.server)
        self.assertLess(self.server.cpu_share(0.3), 0.05 * SCALE)

    @unjudged_when_sanitized
    async def test_cve_2022_35922_memory_follows_what_came_not_what_was_claimed(self):
        server = self.server = self.serve("--max-message-size", "1G")
        clients = [self.raw() for _ in range(16)]
        for client in clients:
            client.send_frame(TEXT, b"warm")
        await self.assert_alive(server)
        private, virtual = server.private_memory(), virtual_memory(server)
        for client in clients:
            client.send(head(BINARY, 2**30 - 1) + b"mask" + b"x")
        for _ in range(3):
            await self.assert_alive(server)
        self.assertLess(server.private_memory() - private, 16 * 64 * KIB)
        self.assertLess(virtual_memory(server) - virtual, 16 * 64 * KIB)

    async def test_cve_2026_48779_empty_fragments_without_end_are_1008(self):
        data = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 140_000
        before = self.server.private_memory()
        with opened(self.server) as client:
            client.try_send(data)
            self.assertEqual(client.recv_close()[0], 1008)
        if SCALE == 1:
            self.assertLess(self.server.private_memory() - before, MIB)

    async def test_65537_fragments_of_one_byte_are_lawful(self):
        data = (frame(BINARY, b"x", fin=False) + frame(CONTINUATION, b"y", fin=False) * 65535
                + frame(CONTINUATION, b"z"))
        client = self.raw()
        client.send(data)
        self.assertEqual(client.recv_data().payload, b"x" + b"y" * 65535 + b"z")


class Bombs(FramingCase):
    # Also undici CVE-2026-1526 and NATS CVE-2026-27571.
    async def test_cve_2018_1000518_bombs_are_1009_and_cheap(self):
        huge = deflated(bytes(256 * MIB))  # about 256 KiB on the wire
        small = deflated(bytes(MIB + 1))
        with opened(self.server, [DEFLATE]) as client:
            client.send_frame(BINARY, deflated(b"warm" * 100), rsv=RSV1)
            client.recv_data()
        memory = self.server.private_memory()
        for bomb, count in ((huge, 10), (small, 1000 if SCALE == 1 else 50)):
            cpu = self.server.cpu()
            for _ in range(count):
                self.assert_code(frame(BINARY, bomb, rsv=RSV1), 1009, headers=[DEFLATE])
            self.assertLess(self.server.cpu() - cpu, count * 0.05 * SCALE)
        if SCALE == 1:
            self.assertLess(self.server.private_memory() - memory, MIB + 256 * KIB)

    async def test_a_bomb_in_fragments_is_1009_too(self):
        bomb = deflated(bytes(16 * MIB))
        parts = [bomb[i:i + 100] for i in range(0, len(bomb), 100)]
        data = frame(BINARY, parts[0], fin=False, rsv=RSV1)
        data += b"".join(frame(CONTINUATION, part, fin=False) for part in parts[1:])
        self.assert_code(data, 1009, headers=[DEFLATE])


if __name__ == "__main__":
    unittest.main()
