"""Each exit code of `taburet connect`, with the words that come with it. What has a file of its own
(TLS, proxies, the evil server's catalogue) is tried there in full."""

import json
import os
import signal
import socket
import subprocess
import threading
import unittest

import evilserver as evil
from certificates import serving
from connecting import (BAD_URL, CLOSED, INTERRUPTED, NO_CONNECTION, NO_HOST_NAME, NO_OUTPUT,
                        NO_PROXY_NAME, NOT_TRUSTED, OK, RECV_FAILED, REFUSED, SEND_FAILED,
                        TIMED_OUT, TLS_FAILED, UNEXPECTED, USAGE, VIOLATION, ConnectCase, rule,
                        say)
from rawclient import CLOSE, TEXT
from support import LIMIT, PROGRAM, SCALE, make_certificate, run_program

UNKNOWN = "no-such-host.invalid"


class ExitCodes(ConnectCase):
    def test_0_a_close_with_1000_or_1001_by_either_side(self):
        server = self.ws_server()
        self.assert_ends(self.run_connect(server.url(), "-d", "x", "-1"), OK)
        for code in (1000, 1001):
            server = self.ws_server(say(close=(code, "bye")))
            self.assert_ends(self.run_connect(server.url()), OK)

    def test_2_an_unknown_option_names_the_nearest(self):
        self.assert_error(self.run_connect("ws://127.0.0.1:9/", "--sub-protocol=x"), USAGE,
                          "--sub-protocol", "--subprotocol")

    def test_2_no_url_and_two_urls(self):
        self.assert_error(self.run_connect(), USAGE, "URL")
        self.assert_error(self.run_connect("ws://a/", "ws://b/"), USAGE, "ws://b/")

    def test_2_bad_values_are_named_with_their_option(self):
        for option in ("--wait=soon", "--wait=-2", "--max-time=x", "--connect-timeout=-1",
                       "--max-messages=0", "--max-messages=x", "--retry=-1", "--max-redirs=x",
                       "--ping-interval=x", "--ping-timeout=x", "--max-message-size=1X",
                       "--color=pink", "--output-format=xml", "--fragment=x", "--mask=123",
                       "--mask=xyzxyzxy", "--rsv=8", "--opcode=16", "--expect-close=x",
                       "--timestamps=sideways", "--deflate=nonsense", "--reconnect=x"):
            with self.subTest(option=option):
                self.assert_error(self.run_connect("ws://127.0.0.1:9/", option), USAGE,
                                  option.split("=")[0].strip("-"))

    def test_2_a_file_that_is_not_there(self):
        for option in ("--cacert", "--cert", "--config", "--data=@", "--header=@"):
            path = "/nowhere/file"
            args = [option + path] if option.endswith("@") else [option, path]
            with self.subTest(option=option):
                self.assert_error(self.run_connect("wss://127.0.0.1:9/", *args), USAGE, path)

    def test_3_bad_urls(self):
        for url in ("ftp://localhost/", "ws://", "ws:///path", "ws://local host/",
                    "ws://localhost:99999/", "ws://localhost:port/", "ws://[::1/", "ws://[g::1]/",
                    "ws://localhost/#fragment", "ws://a@b@c:x/", "", "://x", "ws://host/a b"):
            with self.subTest(url=url):
                done = self.run_connect(url)
                if url == "ws://localhost/#fragment" and done.code == NO_CONNECTION:
                    continue  # left out, as curl does
                self.assert_error(done, BAD_URL)

    def test_5_the_proxys_name(self):
        done = self.run_connect("ws://127.0.0.1:9/", "--proxy", f"http://{UNKNOWN}:8080")
        self.assert_error(done, NO_PROXY_NAME, UNKNOWN)

    def test_6_the_hosts_name(self):
        self.assert_error(self.run_connect(f"ws://{UNKNOWN}/"), NO_HOST_NAME, UNKNOWN)

    def test_7_nobody_listens(self):
        port = self.unused_port()
        self.assert_error(self.run_connect(f"ws://127.0.0.1:{port}/"), NO_CONNECTION,
                          rf"127\.0\.0\.1.*{port}", "(?i)refused")

    def unused_port(self):
        """A port that is bound, so that nobody else gets it, and on which nobody listens."""
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]

    def test_22_the_status_headers_and_body_are_shown(self):
        server = self.evil_server(evil.refusal("403 Forbidden", "X-Why: origin",
                                               body=b"go away\n"))
        done = self.run_connect(server.url())
        self.assert_error(done, REFUSED, "403", "go away", "(?i)x-why: origin")
        self.assertEqual(done.out, b"")

    def test_22_a_status_without_a_phrase(self):
        server = self.evil_server(evil.refusal("403 "))
        self.assert_error(self.run_connect(server.url()), REFUSED, "403")

    def test_23_the_output_is_closed_or_full(self):
        server = self.ws_server(say("x", close=(1000, "")))
        with open("/dev/full", "wb") as full:
            self.assert_error(self.run_connect(server.url(), stdout=full), NO_OUTPUT,
                              "No space left")

    def test_28_the_time_is_up(self):
        server = self.evil_server(evil.silence)
        self.assert_error(self.run_connect(server.url(), "--connect-timeout=200ms"), TIMED_OUT,
                          r"0\.2|200")
        self.assert_error(self.run_connect(server.url(), "--max-time=200ms"), TIMED_OUT,
                          r"0\.2|200")

    def test_35_tls_where_there_is_none(self):
        server = self.evil_server(evil.ssh_banner)
        url = f"wss://127.0.0.1:{server.port}/"
        self.assert_error(self.run_connect(url, "--connect-timeout=5"), TLS_FAILED,
                          "TLS")

    def test_55_or_56_lost_before_the_open(self):
        for behave in (evil.fin_at_accept, evil.rst_at_accept, evil.rst_in_request,
                       evil.after_request(b"", "fin"), evil.after_request(b"", "rst")):
            server = self.evil_server(behave)
            done = self.run_connect(server.url())
            if behave is evil.rst_at_accept and done.code == NO_CONNECTION:
                continue  # so soon that it never was a connection
            # What is lost while the request is on its way is lost by either.
            self.assertIn(done.code, (SEND_FAILED, RECV_FAILED), done)
            self.assert_error(done, done.code, "lost|closed|reset")

    def test_60_not_trusted(self):
        """With all its kin in test_connect_tls.py."""
        server = self.ws_server(tls=serving(*make_certificate(self.home)))
        done = self.run_connect(server.url(), "-d", "hi")
        self.assert_error(done, NOT_TRUSTED, "(?i)self.signed", "--cacert|--insecure")
        self.assertEqual(done.code, 60)

    def test_101_another_code_is_shown_with_its_phrase_reason_and_who(self):
        for code, phrase in ((1003, "(?i)unsupported"), (1008, "(?i)policy"),
                             (1011, "(?i)internal|unexpected"), (1012, "(?i)restart"),
                             (3000, "3000"), (4999, "4999")):
            with self.subTest(code=code):
                server = self.ws_server(say(close=(code, "because")))
                self.assert_error(self.run_connect(server.url()), CLOSED, str(code), "because",
                                  phrase, "server")

    def test_101_lost_without_a_close(self):
        for end in ("fin", "rst"):
            with self.subTest(end=end):
                server = self.evil_server(evil.frames(evil.server_frame(TEXT, b"hi"), end=end))
                done = self.run_connect(server.url())
                self.assert_error(done, CLOSED, "(?i)without a close|1006")
                if end == "fin":
                    self.assertEqual(done.out, b"hi\n")

    def test_102_the_rule_and_its_section_are_shown(self):
        server = self.evil_server(evil.frames(evil.server_frame(TEXT, b"hi", masked=True)))
        self.assert_error(self.run_connect(server.url()), VIOLATION, rule("FRAME_MASK_PRESENT"),
                          r"5\.1")

    def test_103_an_expectation_failed(self):
        server = self.ws_server(say("hello", close=(1000, "")))
        self.assert_error(self.run_connect(server.url(), "--expect", "goodbye"), UNEXPECTED,
                          "goodbye")

    def test_130_interrupted_before_the_open(self):
        server = self.evil_server(evil.silence)
        program = self.connect(server.url())
        server.wait_peer()
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait().code, INTERRUPTED)

    def test_130_a_second_interrupt_does_not_wait_for_the_servers_close(self):
        opened, asked = threading.Event(), threading.Event()

        def behave(peer):
            peer.upgrade()
            peer.read_until(TEXT)
            opened.set()
            peer.read_until(CLOSE)
            asked.set()
            peer.stay()
        server = self.evil_server(behave)
        program = self.connect(server.url(), "-d", "x", "--wait=-1")
        self.assertTrue(opened.wait(LIMIT))
        program.signal(signal.SIGINT)
        self.assertTrue(asked.wait(4))
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(3 * SCALE).code, INTERRUPTED)

    def test_an_error_stands_in_the_json_log_too(self):
        server = self.evil_server(evil.refusal("401 Unauthorized"))
        done = self.run_connect(server.url(), "--output-format=json")
        self.assertEqual(done.code, REFUSED, done)
        events = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual(events[-1]["ev"], "refused")
        self.assertEqual(events[-1]["response"]["status"], 401)


class Help(unittest.TestCase):
    OPTIONS = """--header --user-agent --user --oauth2-bearer --cookie --origin --subprotocol
        --insecure --cacert --cert --key --pass --resolve --connect-to --unix-socket --interface
        --proxy --noproxy --location --max-redirs --connect-timeout --max-time --retry
        --retry-delay --deflate --no-deflate --max-message-size --output --silent --show-error
        --config --record --output-format --input-format --color --data --text --binary --hex
        --base64 --wait --one-message --max-messages --null-terminated --separator --raw --expect
        --expect-close --close-code --close-reason --no-close --ping-interval --ping-timeout
        --show-ping-pong --inhibit-pongs --fragment --mask --rsv --opcode --reconnect --pretty
        --no-pretty --timestamps""".split()

    def test_help_names_every_option(self):
        for args in (("help", "connect"), ("connect", "--help")):
            done = run_program(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for option in self.OPTIONS:
                self.assertIn(option, done.stdout)

    def test_help_into_a_closed_pipe_is_no_crash(self):
        left, right = os.pipe()
        os.close(left)
        done = subprocess.run([PROGRAM, "connect", "--help"], stdout=right,
                              stderr=subprocess.PIPE, check=False)
        os.close(right)
        self.assertEqual((done.returncode, done.stderr), (OK, b""))


if __name__ == "__main__":
    unittest.main()
