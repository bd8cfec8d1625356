"""`taburet connect` misbehaving on purpose: a server by hand looks at each byte, and what was sent
is shown as frames."""

import time
import unittest

import evilserver as evil
from connecting import CLOSED, OK, USAGE, ConnectCase
from rawclient import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, mask_bytes
from support import KIB, SCALE

PLAIN = "--no-deflate"


class Wire(ConnectCase):
    def frames_of(self, *args, until=CLOSE, answer=True, stdin=b"", codes=(OK,)):
        """The frames that came up to one of this opcode: [(Frame, bytes)]; and how it ended."""
        got = []

        def behave(peer):
            peer.upgrade()
            while not got or got[-1][0].opcode != until:
                got.append(peer.read_raw_frame())
            if answer:
                peer.send_frame(CLOSE, got[-1][0].payload[:2])
            peer.half_close()
            peer.stay()
        server = self.evil_server(behave)
        done = self.run_connect(server.url(), PLAIN, "--wait=0.1", *args, stdin=stdin)
        self.assertIn(done.code, codes, done)
        return got, done

    def shapes(self, *args, **settings):
        """(FIN, RSV, opcode, payload) of all but the close."""
        return [tuple(frame) for frame, _ in self.frames_of(*args, **settings)[0][:-1]]


class Shapes(Wire):
    def test_without_any_of_it_frames_are_lawful(self):
        got, _ = self.frames_of("-d", "hello", "-d", "x" * 200, "-d", "y" * 70000)
        self.assertEqual([tuple(frame)[:3] for frame, _ in got],
                         [(1, 0, TEXT)] * 3 + [(1, 0, CLOSE)])
        self.assertTrue(all(raw[1] & 0x80 for _, raw in got))
        self.assertEqual([raw[1] & 0x7f for _, raw in got[:3]], [5, 126, 127])
        keys = [got[0][1][2:6], got[1][1][4:8], got[2][1][10:14]]
        self.assertEqual(len(set(keys)), 3)

    def test_fragment(self):
        self.assertEqual(self.shapes("--fragment=2", "-d", "abcde"),
                         [(0, 0, TEXT, b"ab"), (0, 0, CONTINUATION, b"cd"),
                          (1, 0, CONTINUATION, b"e")])
        self.assertEqual(self.shapes("--fragment=100", "-d", "abc"), [(1, 0, TEXT, b"abc")])
        self.assertEqual(self.shapes("--fragment=1", "-d", ""), [(1, 0, TEXT, b"")])

    def test_fragments_do_not_care_for_code_points(self):
        euro = "€".encode()
        self.assertEqual(self.shapes("--fragment=1", "-d", "€"),
                         [(0, 0, TEXT, euro[:1]), (0, 0, CONTINUATION, euro[1:2]),
                          (1, 0, CONTINUATION, euro[2:])])

    def test_mask(self):
        got, _ = self.frames_of("--mask=01020304", "-d", "hello")
        self.assertEqual(got[0][1], b"\x81\x85\x01\x02\x03\x04"
                         + mask_bytes(b"hello", b"\x01\x02\x03\x04"))

    def test_a_mask_of_zeros(self):
        got, _ = self.frames_of("--mask=00000000", "-d", "hello")
        self.assertEqual(got[0][1], b"\x81\x85\0\0\0\0hello")

    def test_no_mask(self):
        got = []

        def behave(peer):
            peer.upgrade()
            got.append(peer.read_raw_frame()[1])
            peer.close(1002)
        server = self.evil_server(behave)
        done = self.run_connect(server.url(), PLAIN, "--mask=none", "-d", "hello", "--wait=-1")
        self.assert_ends(done, CLOSED, "1002")
        self.assertEqual(got, [b"\x81\x05hello"])

    def test_rsv(self):
        """RSV1, RSV2, RSV3, in the order in which they stand in the frame."""
        for bits in (1, 2, 4, 7):
            self.assertEqual(self.shapes(f"--rsv={bits:03b}", "-d", "x"),
                             [(1, bits, TEXT, b"x")])

    def test_opcode(self):
        for number in (0, 2, 3, 7, 11, 15):
            self.assertEqual(self.shapes(f"--opcode={number}", "-d", "x"),
                             [(1, 0, number, b"x")])
        self.assertEqual(self.shapes("--opcode=9", "-d", "x"), [(1, 0, PING, b"x")])

    def test_all_of_it_at_once(self):
        got, _ = self.frames_of("--fragment=2", "--rsv=011", "--opcode=5", "--mask=ffffffff", "-d",
                                "abc")
        self.assertEqual([raw for _, raw in got[:2]],
                         [b"\x35\x82\xff\xff\xff\xff" + mask_bytes(b"ab", b"\xff" * 4),
                          b"\xb0\x81\xff\xff\xff\xff" + mask_bytes(b"c", b"\xff" * 4)])

    def test_input_has_the_same_shape(self):
        self.assertEqual(self.shapes("--fragment=2", stdin=b"abc\nd\n"),
                         [(0, 0, TEXT, b"ab"), (1, 0, CONTINUATION, b"c"), (1, 0, TEXT, b"d")])

    def test_text_that_is_not_utf8_can_be_sent_with_an_opcode(self):
        self.assertEqual(self.shapes("--hex", "--opcode=1", "-d", "ff"), [(1, 0, TEXT, b"\xff")])

    def test_control_frames_that_are_too_long(self):
        self.assertEqual(self.shapes("--opcode=9", "-d", "x" * 126), [(1, 0, PING, b"x" * 126)])

    def test_bad_values(self):
        for option in ("--fragment=0", "--mask=0102", "--mask=", "--rsv=1", "--rsv=102",
                       "--opcode=16"):
            with self.subTest(option):
                self.assert_error(self.run_connect("ws://127.0.0.1:9/", option, "-d", "x"), USAGE,
                                  option.split("=")[0])

    def test_what_was_sent_is_shown_and_what_the_server_made_of_it(self):
        def behave(peer):
            peer.upgrade()
            peer.read_frame()
            peer.send(evil.close_frame(1002, b"reserved bits"))
            peer.read_until(CLOSE)
        done = self.run_connect(self.evil_server(behave).url(), PLAIN, "--rsv=010", "-d", "x",
                                "--wait=-1")
        self.assert_error(done, CLOSED, "(?i)rsv", "1002", "reserved bits")

    def test_every_frame_is_shown_with_vv(self):
        _, done = self.frames_of("--fragment=2", "-d", "abcde", "-vv")
        self.assertGreaterEqual(len([line for line in done.err.splitlines()
                                     if "continuation" in line.lower()]), 2)


class Silence(Wire):
    def test_pings_are_answered(self):
        self.assertEqual(self.pongs(), [b"one", b"two"])

    def test_inhibit_pongs(self):
        self.assertEqual(self.pongs("--inhibit-pongs"), [])

    def pongs(self, *args):
        """What comes between the upgrade and the close, of pongs."""
        got = []

        def behave(peer):
            peer.upgrade()
            peer.send_frame(PING, b"one")
            peer.send_frame(TEXT, b"ready")
            while (frame := peer.read_frame()).opcode == PONG:
                got.append(frame.payload)
            peer.send_frame(PING, b"two")
            peer.send_frame(TEXT, b"done")
            while (frame := peer.read_frame()).opcode == PONG:
                got.append(frame.payload)
            peer.send_frame(CLOSE, frame.payload)
        program = self.connect(self.evil_server(behave).url(), PLAIN, "--max-messages=2",
                               "--wait=-1", *args)
        self.assertEqual(program.wait_lines(1), [b"ready"])
        program.feed(b"go on\n")
        self.assertEqual(program.wait().code, OK)
        return got

    def test_no_close(self):
        """The connection ends without a close frame, by whichever end TCP has."""
        got = []

        def behave(peer):
            peer.upgrade()
            while True:
                got.append(peer.read_frame().opcode)
        server = self.evil_server(behave)
        done = self.run_connect(server.url(), PLAIN, "-d", "x", "--no-close", "--wait=0.1")
        self.assert_ends(done, OK)
        self.assertEqual(got, [TEXT])

    def test_our_pings(self):
        def behave(peer):
            peer.upgrade()
            for _ in range(3):
                peer.send_frame(PONG, peer.read_until(PING).payload)
            peer.close(1000)
        began = time.monotonic()
        done = self.run_connect(self.evil_server(behave).url(), "--ping-interval=0.1",
                                "--wait=-1")
        self.assert_ends(done, OK)
        self.assertGreater(time.monotonic() - began, 0.25)
        self.assertLess(time.monotonic() - began, 3 * SCALE)

    def test_a_large_message_in_small_fragments_arrives_whole(self):
        server = self.ws_server()
        text = b"0123456789" * KIB
        done = self.run_connect(server.url(), PLAIN, "--fragment=7", "-1", stdin=text)
        self.assert_output(done, text)

    def test_binary_in_fragments(self):
        self.assertEqual(self.shapes("--fragment=1", "--hex", "-d", "00ff"),
                         [(0, 0, BINARY, b"\0"), (1, 0, CONTINUATION, b"\xff")])


if __name__ == "__main__":
    unittest.main()
