"""`taburet connect` and wss: what is trusted, what is not, and what is said about it."""

import pathlib
import socket
import ssl
import subprocess
import tempfile
import unittest

import evilserver as evil
from certificates import PHRASE, Authority, encrypted, serving
from connecting import (CLOSED, NOT_TRUSTED, OK, RECV_FAILED, TLS_FAILED, USAGE, ConnectCase,
                        environment)
from rawclient import TEXT
from support import LIMIT, make_certificate, wait_until


class Tls(ConnectCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory(prefix="taburet-test-")
        cls.addClassCleanup(place.cleanup)
        cls.folder = pathlib.Path(place.name)
        cls.authority = Authority(cls.folder)
        cls.good = cls.authority.issue("localhost")
        cls.client = cls.authority.issue("client", alt="DNS:client")

    def serve(self, pair=None, client_ca=None, **settings):
        return self.ws_server(tls=serving(*(pair or self.good), client_ca), **settings)

    def trusted(self, server, *args, **settings):
        return self.run_connect(server.url(), "-d", "hi", "-1", "--cacert", self.authority.cert,
                                *args, **settings)

    def test_a_trusted_authority(self):
        server = self.serve()
        self.assert_output(self.trusted(server), b"hi")
        self.assert_output(self.run_connect(server.url(host="localhost"), "-d", "hi", "-1",
                                            "--cacert", self.authority.cert), b"hi")

    def test_the_environments_authority(self):
        done = self.run_connect(self.serve().url(), "-d", "hi", "-1",
                                env={"SSL_CERT_FILE": str(self.authority.cert)})
        self.assert_output(done, b"hi")

    def test_an_unknown_authority_is_60_with_a_hint(self):
        done = self.run_connect(self.serve().url(), "-d", "hi")
        self.assert_error(done, NOT_TRUSTED, "(?i)certificate", "--cacert|--insecure")

    def test_a_self_signed_certificate_is_60_and_fits_as_its_own_authority(self):
        pair = make_certificate(self.home)
        server = self.ws_server(tls=serving(*pair))
        done = self.run_connect(server.url(), "-d", "hi")
        self.assert_error(done, NOT_TRUSTED, "(?i)self.signed", "--cacert|--insecure")
        self.assert_output(self.run_connect(server.url(), "-d", "hi", "-1", "--cacert", pair[0]),
                           b"hi")

    def test_another_hosts_certificate_is_60(self):
        server = self.serve(self.authority.issue("other.example", alt="DNS:other.example"))
        done = self.trusted(server)
        self.assert_error(done, NOT_TRUSTED, "127.0.0.1")
        done = self.run_connect(server.url(host="localhost"), "--cacert", self.authority.cert)
        self.assert_error(done, NOT_TRUSTED, "localhost")

    def test_the_common_name_alone_is_no_host_name(self):
        server = self.serve(self.authority.issue("localhost", alt="DNS:other.example"))
        done = self.run_connect(server.url(host="localhost"), "--cacert", self.authority.cert)
        self.assert_error(done, NOT_TRUSTED)

    def test_the_name_is_checked_that_was_asked_for_wherever_it_leads(self):
        pair = self.authority.issue("api.example", alt="DNS:api.example")
        server = self.serve(pair)
        url = f"wss://api.example:{server.port}/"
        route = f"api.example:{server.port}:127.0.0.1"
        done = self.run_connect(url, "--resolve", route, "--cacert", self.authority.cert, "-d",
                                "hi", "-1")
        self.assert_output(done, b"hi")

    def test_a_wildcard(self):
        server = self.serve(self.authority.issue("x", alt="DNS:*.test.example"))
        for host, code in (("a.test.example", OK), ("a.b.test.example", NOT_TRUSTED)):
            done = self.run_connect(f"wss://{host}:{server.port}/", "--resolve",
                                    f"{host}:{server.port}:127.0.0.1", "--cacert",
                                    self.authority.cert, "-d", "hi", "-1")
            self.assertEqual(done.code, code, done)

    def test_an_expired_certificate_is_60(self):
        server = self.serve(self.authority.issue("localhost", expired=True))
        self.assert_error(self.trusted(server), NOT_TRUSTED, "(?i)expired")

    def test_insecure_connects_and_warns_on_every_run(self):
        server = self.serve(self.authority.issue("x", alt="DNS:other", expired=True))
        for option in ("-k", "--insecure"):
            for _ in range(2):
                done = self.run_connect(server.url(), option, "-d", "hi", "-1")
                self.assert_output(done, b"hi")
                self.assertRegex(done.err, r"(?i)not (verified|checked)|insecure")

    def test_an_authority_file_that_is_none(self):
        path = self.file("junk.pem", "no certificate\n")
        server = self.evil_server(evil.silence)
        done = self.run_connect(f"wss://127.0.0.1:{server.port}/", "--cacert", path)
        self.assert_error(done, USAGE, "junk.pem")
        self.assertEqual(server.peers, [])

    # ---- the client's certificate ----

    def test_a_client_certificate(self):
        server = self.serve(client_ca=self.authority.cert)
        cert, key = self.client
        self.assert_output(self.trusted(server, "--cert", cert, "--key", key), b"hi")
        both = self.file("both.pem", cert.read_bytes() + key.read_bytes())
        self.assert_output(self.trusted(server, "-E", both), b"hi")

    def test_a_client_certificate_that_is_missing(self):
        """TLS 1.3 tells it after the client's handshake is done, and this server just goes."""
        done = self.trusted(self.serve(client_ca=self.authority.cert))
        self.assert_error(done, RECV_FAILED, "lost")

    def test_an_encrypted_key(self):
        server = self.serve(client_ca=self.authority.cert)
        cert, key = self.client
        locked = encrypted(key)
        done = self.trusted(server, "--cert", cert, "--key", locked, "--pass", PHRASE)
        self.assert_output(done, b"hi")
        done = self.trusted(server, "--cert", cert, "--key", locked, "--pass", "close sesame")
        self.assert_error(done, USAGE, locked.name)
        self.assertNotIn("sesame", done.err)
        self.assert_error(self.trusted(server, "--cert", cert, "--key", locked), USAGE,
                          locked.name, "--pass|passphrase")

    def test_a_key_that_does_not_fit(self):
        other = self.authority.issue("other")
        done = self.trusted(self.serve(), "--cert", self.client[0], "--key", other[1])
        self.assert_error(done, USAGE, other[1].name)

    # ---- what is no good TLS ----

    def test_a_plain_server(self):
        server = self.ws_server()
        done = self.run_connect(f"wss://127.0.0.1:{server.port}/")
        self.assert_error(done, TLS_FAILED, "(?i)ws://|version|tls")

    def test_a_tls_server_asked_in_the_clear_hints_at_wss(self):
        server = self.serve()
        done = self.run_connect(f"ws://127.0.0.1:{server.port}/")
        self.assertNotEqual(done.code, OK)
        self.assert_error(done, done.code)

    def test_too_old_a_version(self):
        context = serving(*self.good)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        server = self.evil_server(evil.silence, tls=context)
        self.assert_error(self.trusted(server), TLS_FAILED, "(?i)version|protocol")

    def test_tls_1_2_will_do(self):
        context = serving(*self.good)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assert_output(self.trusted(self.ws_server(tls=context)), b"hi")

    def test_an_end_without_close_notify_is_a_loss(self):
        def behave(peer):
            peer.upgrade()
            peer.send_frame(TEXT, b"hi")
            peer.read_until(TEXT)
            socket.socket(fileno=peer.sock.detach()).close()
        server = self.evil_server(behave, tls=serving(*self.good))
        done = self.run_connect(server.url(), "--cacert", self.authority.cert, "-d", "x",
                                "--wait=-1")
        self.assert_error(done, CLOSED)
        self.assertEqual(done.out, b"hi\n")

    def test_large_messages_both_ways(self):
        text = b"x" * 300_000
        done = self.run_connect(self.serve().url(), "--cacert", self.authority.cert, "-1",
                                stdin=text)
        self.assert_output(done, text)

    def test_verbose_shows_the_version_and_the_certificate(self):
        done = self.trusted(self.serve(), "-v")
        self.assertRegex(done.err, r"TLSv1\.3")
        self.assertRegex(done.err, "CN ?= ?localhost")

    def test_a_certificate_from_hell_reaches_no_terminal(self):
        server = self.serve(self.authority.issue("\x1b[31mred", alt="DNS:localhost"))
        done = self.run_connect(server.url(host="localhost"), "-v", "--cacert",
                                self.authority.cert, "-d", "hi", "-1")
        self.assert_output(done, b"hi")
        self.assertNotIn("\x1b", done.err)


class OpensslServer(ConnectCase):
    def test_openssl_s_server_answers_with_a_page(self):
        """Another TLS stack's server side, and no WebSocket at all behind it."""
        cert, key = make_certificate(self.home)
        process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", cert, "-key", key],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(self.home))
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        line = wait_until(lambda: process.stdout.readline(), "openssl's address", LIMIT)
        while b"ACCEPT" not in line:
            line = process.stdout.readline()
        port = int(line.split(b":")[-1])
        done = self.run_connect(f"wss://127.0.0.1:{port}/", "--cacert", cert)
        self.assert_error(done, 22, "200")
        self.assert_error(self.run_connect(f"wss://127.0.0.1:{port}/"), NOT_TRUSTED)


if __name__ == "__main__":
    unittest.main()
