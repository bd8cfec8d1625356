"""`taburet connect` in a pipe: what goes in, what comes out, and when it leaves.

The four traps of today's tools come first: input that is lost before the open, -d that does nothing
without an input, message boundaries that a pipe loses, and an exit code of 0 after an error.
"""
# ctest: one-byte

import os
import re
import unittest

import evilserver as evil
from connecting import CLOSED, OK, USAGE, ConnectCase, answer_then_close, say
from rawclient import BINARY, TEXT
from support import KIB

SHORT = "--wait=0.3"
ODD = b"first\nsecond\0third\n"  # bytes that framing could take for an end


class FourTraps(ConnectCase):
    def test_piped_input_waits_for_the_open(self):
        server = self.evil_server(self.slow_echo)
        self.assert_output(self.run_connect(server.url(), SHORT, stdin=b"hello\n"), b"hello")

    @staticmethod
    def slow_echo(peer):
        peer.read_request()
        peer.drip(peer.answer(), 0.003)
        peer.send_frame(TEXT, peer.read_until(TEXT).payload)
        peer.answer_close()

    def test_data_is_sent_without_an_input(self):
        server = self.ws_server()
        with open(os.devnull, "rb") as null:
            done = self.run_connect(server.url(), "-d", "hello", SHORT, stdin=null)
        self.assert_output(done, b"hello")

    def test_data_is_sent_with_stdin_closed(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "-d", "hello", SHORT, stdin=None,
                                preexec=lambda: os.close(0))
        self.assert_output(done, b"hello")

    def test_message_boundaries_survive_in_both_directions(self):
        server = self.ws_server()
        texts = [b"one", b"", b"two words", "три".encode(), b"four\\n"]
        done = self.run_connect(server.url(), SHORT, stdin=b"\n".join(texts) + b"\n")
        self.assert_output(done, *texts)
        server.wait_messages([text.decode() for text in texts])

    def test_a_close_with_an_error_code_gives_a_non_zero_exit(self):
        server = self.ws_server(say(close=(1011, "the database is gone")))
        self.assert_ends(self.run_connect(server.url(), "-d", "hello"), CLOSED, "1011",
                         "the database is gone")


class Lines(ConnectCase):
    """A line in is a message, a message out is a line."""

    def test_the_last_line_needs_no_end(self):
        server = self.ws_server()
        self.assert_output(self.run_connect(server.url(), SHORT, stdin=b"a\nb"), b"a", b"b")
        server.wait_messages(["a", "b"])

    def test_a_carriage_return_before_the_newline_is_no_part_of_the_message(self):
        server = self.ws_server()
        self.run_connect(server.url(), "--wait=0.1", stdin=b"a\r\nb\r\n")
        server.wait_messages(["a", "b"])

    def test_a_line_in_pieces_is_one_message(self):
        server = self.ws_server()
        program = self.connect(server.url(), SHORT)
        server.wait_peer()
        for piece in (b"hel", b"lo ", b"world\nne"):
            program.feed(piece)
        self.assertEqual(program.wait_lines(1), [b"hello world"])
        program.feed(b"xt\n")
        self.assertEqual(program.wait_lines(2), [b"hello world", b"next"])
        program.end_input()
        self.assertEqual(program.wait().code, OK)

    def test_a_long_line(self):
        server = self.ws_server()
        line = b"x" * (200 * KIB)
        self.assert_output(self.run_connect(server.url(), "-1", stdin=line + b"\n"), line)

    def test_a_line_that_is_not_utf8_is_an_error_and_is_not_sent(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), SHORT, stdin=b"good\n\xff\xfe\nafter\n")
        self.assert_error(done, USAGE, "UTF-8")
        self.assertNotIn("\ufffd", "".join(server.wait_peer().messages))

    def test_json_with_line_breaks_comes_on_one_line(self):
        text = '{\n  "a": [1,\r\n 2],\n  "b": "x\\ny"\n}'
        server = self.ws_server(say(text, close=(1000, "")))
        done = self.run_connect(server.url())
        self.assertEqual(done.code, OK)
        self.assertRegex(done.out, rb'\A\{ +"a": \[1, +2\], +"b": "x\\ny" *\}\n\Z')

    def test_another_text_with_a_newline_comes_on_one_line_and_a_note_says_so(self):
        server = self.ws_server(say("two\nlines", "one", close=(1000, "")))
        done = self.run_connect(server.url())
        self.assert_output(done, b"two\\nlines", b"one")
        self.assertRegex(done.err, r"(?i)newline|line break|-0")

    def test_a_text_without_a_newline_comes_as_it_is(self):
        texts = ["tab\there", "\x1b[31mred", "back\\slash \\n", "\u202e", "\u0000 null"]
        server = self.ws_server(say(*texts, close=(1000, "")))
        self.assert_output(self.run_connect(server.url()), *(t.encode() for t in texts))


class Framing(ConnectCase):
    def test_null_terminated_in_and_out_is_exact(self):
        server = self.ws_server()
        texts = [b"one\ntwo", b"", b"three\n", b"{\n}"]
        done = self.run_connect(server.url(), "-0", SHORT, stdin=b"\0".join(texts) + b"\0")
        self.assert_data(done, b"".join(t + b"\0" for t in texts))
        server.wait_messages([t.decode() for t in texts])

    def test_a_separator_of_several_bytes(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "--separator=--\n", SHORT,
                                stdin=b"a\n-b\n--\nc--\n")
        self.assert_data(done, b"a\n-b\n--\nc--\n")
        server.wait_messages(["a\n-b\n", "c"])

    def test_a_separator_with_escapes(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), r"--separator=\r\n\t\\\0", SHORT,
                                stdin=b"a\r\n\t\\\0b")
        self.assert_data(done, b"a\r\n\t\\\0b\r\n\t\\\0")
        server.wait_messages(["a", "b"])

    def test_a_separator_that_is_cut_by_the_pipe(self):
        server = self.ws_server()
        program = self.connect(server.url(), "--separator=<END>", SHORT)
        server.wait_peer()
        program.feed(b"a<E")
        program.feed(b"ND>b<EN")
        program.wait_out(rb"^a<END>$")
        program.feed(b"D>")
        program.wait_out(rb"^a<END>b<END>$")

    def test_raw_output_is_the_messages_and_nothing_else(self):
        server = self.ws_server(say("a\n", b"\x00\xff", "", "b", close=(1000, "")))
        done = self.run_connect(server.url(), "--raw")
        self.assert_data(done, b"a\n\x00\xffb")

    def test_raw_input_arrives_whole_and_in_order(self):
        server = self.ws_server()
        data = os.urandom(200 * KIB)
        done = self.run_connect(server.url(), "--raw", "--binary", SHORT, stdin=data)
        self.assert_data(done, data)
        self.assertEqual(b"".join(server.wait_peer().messages), data)

    def test_two_framings_at_once_are_bad_usage(self):
        for pair in (("-0", "--raw"), ("-0", "--separator=x"), ("--raw", "--separator=x")):
            with self.subTest(pair=pair):
                self.assert_error(self.run_connect("ws://127.0.0.1:9/", *pair), USAGE)

    def test_an_empty_separator_is_bad_usage(self):
        self.assert_error(self.run_connect("ws://127.0.0.1:9/", "--separator="), USAGE,
                          "separator")


class Kinds(ConnectCase):
    """What a line of input means."""

    def test_text_is_the_default(self):
        server = self.ws_server()
        self.run_connect(server.url(), "--wait=0.1", stdin=b"00ff\n")
        self.run_connect(server.url(), "-t", "--wait=0.1", stdin=b"00ff\n")
        server.wait_messages(["00ff"], 0)
        server.wait_messages(["00ff"], 1)

    def test_binary(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "--binary", "-0", SHORT, stdin=b"\xff\n\xfe\0a\0")
        self.assertEqual(done.out, b"\xff\n\xfe\0a\0")
        server.wait_messages([b"\xff\n\xfe", b"a"])

    def test_hex(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "--hex", "--wait=0.1",
                                stdin=b"00ff10\nCA FE\n\n0a\n")
        self.assertEqual(done.code, OK, done)
        server.wait_messages([b"\x00\xff\x10", b"\xca\xfe", b"", b"\n"])

    def test_base64(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "--base64", "--wait=0.1",
                                stdin=b"AP8Q\n\nyv4=\n")
        self.assertEqual(done.code, OK, done)
        server.wait_messages([b"\x00\xff\x10", b"", b"\xca\xfe"])

    def test_a_binary_message_comes_as_the_same_kind(self):
        """As hexadecimal if nothing is said, so that a line stays a line; a note tells it once."""
        server = self.ws_server(say(b"\x00\n\xff", b"a", "text", close=(1000, "")))
        for option, lines in (("--hex", [b"000aff", b"61", b"text"]),
                              ("--base64", [b"AAr/", b"YQ==", b"text"]),
                              ("--binary", [b"\x00\n\xff", b"a", b"text"]),
                              ("--text", [b"000aff", b"61", b"text"])):
            with self.subTest(option):
                done = self.run_connect(server.url(), option)
                self.assert_output(done, *lines)
        self.assertEqual(len(re.findall("(?m)^taburet: .*binary", done.err)), 1, done.err)

    def test_data_has_the_same_kind(self):
        server = self.ws_server()
        for option, text in (("--hex", "00 ff"), ("--base64", "AP8="), ("--binary", "\u00ff")):
            self.run_connect(server.url(), option, "-d", text, "--wait=0.1")
        for number, data in enumerate((b"\x00\xff", b"\x00\xff", b"\xc3\xbf")):
            server.wait_messages([data], number)

    def test_what_is_no_hex_or_base64_is_an_error_that_names_it(self):
        server = self.ws_server()
        for option, line in (("--hex", "0x1g"), ("--hex", "abc"), ("--base64", "A"),
                             ("--base64", "####"), ("--base64", "AP8=AP8=")):
            with self.subTest(option=option, line=line):
                self.assert_error(self.run_connect(server.url(), option, "-d", line), USAGE,
                                  option.strip("-"))
                done = self.run_connect(server.url(), option, "--wait=0.1",
                                        stdin=line.encode() + b"\n")
                self.assert_error(done, USAGE, option.strip("-"))

    def test_data_that_is_wrong_is_known_before_anything_is_dialled(self):
        server = self.evil_server(evil.silence)
        self.assert_error(self.run_connect(server.url(), "--hex", "-d", "xyz"), USAGE)
        self.assertEqual(server.peers, [])


class Data(ConnectCase):
    def test_several_are_sent_in_order(self):
        server = self.ws_server()
        done = self.run_connect(server.url(), "-d", "one", "--data=two", "--execute", "three",
                                SHORT)
        self.assert_output(done, b"one", b"two", b"three")
        server.wait_messages(["one", "two", "three"])

    def test_a_file_is_one_message_exactly(self):
        server = self.ws_server()
        path = self.file("message", ODD)
        self.run_connect(server.url(), "-d", f"@{path}", "--binary", "--wait=0.1")
        server.wait_messages([ODD])

    def test_a_file_that_is_not_there(self):
        self.assert_error(self.run_connect("ws://127.0.0.1:9/", "-d", "@/nowhere/at-all"), USAGE,
                          "/nowhere/at-all", "No such file")

    def test_stdin_is_not_read(self):
        server = self.ws_server()
        left, right = os.pipe()
        os.write(right, b"not for you\n")
        try:
            done = self.run_connect(server.url(), "-d", "hello", SHORT, stdin=left)
            self.assert_output(done, b"hello")
            self.assertEqual(os.read(left, 100), b"not for you\n")
        finally:
            os.close(left)
            os.close(right)

    def test_stdin_as_one_message(self):
        server = self.ws_server()
        self.run_connect(server.url(), "-d", "@-", "--wait=0.1", stdin=b"two\nlines\n")
        server.wait_messages(["two\nlines\n"])

    def test_an_open_stdin_does_not_hold_it(self):
        server = self.ws_server()
        program = self.connect(server.url(), "-d", "hello", SHORT)
        self.assertEqual(program.wait()[:2], (OK, b"hello\n"))


class Quiet(ConnectCase):
    def test_stdout_has_the_data_and_nothing_else_with_every_verbosity(self):
        server = self.ws_server()
        for options in ((), ("-v",), ("-vv",), ("-s",), ("-P",)):
            with self.subTest(options=options):
                done = self.run_connect(server.url(), "-d", "hi", "-1", *options)
                self.assert_output(done, b"hi")

    def test_a_fragmented_message_is_one_line(self):
        server = self.evil_server(evil.frames(evil.split_text(b"a", b"", b"bc"),
                                              evil.server_frame(BINARY, b"z"),
                                              evil.close_frame(1000)))
        self.assertTrue(self.run_connect(server.url()).out.startswith(b"abc\n"))

    def test_silent_says_nothing_and_show_error_says_errors(self):
        server = self.ws_server(say(close=(4000, "no")))
        self.assert_ends(done := self.run_connect(server.url(), "-s"), CLOSED)
        self.assertEqual(done.err, "")
        self.assert_error(self.run_connect(server.url(), "-s", "-S"), CLOSED, "4000")

    def test_an_answer_and_a_close_with_an_error(self):
        server = self.ws_server(answer_then_close(4242, "\u00fcber"))
        done = self.run_connect(server.url(), "-d", "hi")
        self.assertEqual(done.out, b"hi\n")
        self.assert_ends(done, CLOSED, "4242", "\u00fcber")

    def test_the_order_of_options_and_url_is_free(self):
        server = self.ws_server()
        self.assert_output(self.run_connect("-d", "hi", server.url(), "-1"), b"hi")

    def test_a_bare_host_and_port_is_ws(self):
        server = self.ws_server()
        done = self.run_connect(f"127.0.0.1:{server.port}/path?q=1", "-d", "hi", "-1")
        self.assert_output(done, b"hi")
        self.assertEqual(server.wait_peer().path, "/path?q=1")


if __name__ == "__main__":
    unittest.main()
