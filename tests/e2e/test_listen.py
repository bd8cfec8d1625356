"""Where the server listens, and when it refuses to start."""

import json
import os
import socket
import ssl
import stat
import subprocess
import unittest

import websockets

from support import LIMIT, ServerCase, has_ipv6, make_certificate, run_program, trusting
from rawclient import RawClient, TEXT, opened


class Addresses(ServerCase):
    async def test_without_host_it_is_localhost_on_both_families(self):
        server = self.serve()
        self.assertRegex(server.first_url, r"^ws://localhost:\d+$")
        v4 = await self.connect(server, host="127.0.0.1")
        named = await self.connect(server, host="localhost")
        peers = [v4, named]
        if has_ipv6():
            peers.append(await self.connect(server, host="[::1]"))
        await v4.send("hi")
        for ws in peers:
            self.assertEqual(await self.recv(ws), "hi")

    async def test_by_default_nothing_but_loopback_is_bound(self):
        server = self.serve()
        with self.assertRaises(ConnectionRefusedError):
            RawClient(server, host="127.0.0.2")

    async def test_host_is_repeatable(self):
        server = self.serve("--host", "127.0.0.1", "--host", "127.0.0.2")
        server.wait_for_log("^listening on", count=2)
        ports = {}
        for url in server.urls():
            host, port = url.removeprefix("ws://").split(":")
            ports[host] = int(port)
        self.assertEqual(sorted(ports), ["127.0.0.1", "127.0.0.2"])
        peers = []
        for host, port in ports.items():
            peers.append(await websockets.connect(f"ws://{host}:{port}/", open_timeout=LIMIT))
            self.addAsyncCleanup(peers[-1].close)
        await peers[0].send("hi")
        self.assertEqual([await self.recv(ws) for ws in peers], ["hi", "hi"])

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
    async def test_an_ipv6_host_stands_in_brackets(self):
        server = self.serve("--host", "::1")
        self.assertRegex(server.first_url, r"^ws://\[::1\]:\d+$")
        ws = await self.connect(server, host="[::1]")
        await ws.send("hi")
        self.assertEqual(await self.recv(ws), "hi")
        with self.assertRaises(ConnectionRefusedError):
            RawClient(server, host="127.0.0.1")

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
    async def test_brackets_around_a_host_are_not_doubled(self):
        server = self.serve("--host", "[::1]")
        self.assertRegex(server.first_url, r"^ws://\[::1\]:\d+$")
        ws = await self.connect(server, host="[::1]")
        await ws.send("hi")
        self.assertEqual(await self.recv(ws), "hi")

    async def test_an_address_that_two_hosts_mean_is_served_once(self):
        server = self.serve("--host", "localhost", "--host", "127.0.0.1", "--threads", "2")
        server.wait_for_log("^listening on", count=2)
        self.assertEqual({url.rsplit(":", 1)[1] for url in server.urls()}, {str(server.port)})
        await self.assert_alive(server)

    async def test_port_0_takes_a_free_one_each_time(self):
        one, other = self.serve(), self.serve()
        self.assertNotEqual(one.port, other.port)
        self.assertGreater(one.port, 0)

    async def test_unix_socket(self):
        path = str(self.temp_dir() / "taburet.sock")
        server = self.serve("--unix", path)
        self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))
        server.wait_for_log(r"^listening on \S*" + path)
        with opened(server, unix=path) as alice, opened(server, unix=path) as bob:
            alice.send_frame(TEXT, b"hi")
            self.assertEqual(alice.recv_data().payload, b"hi")
            self.assertEqual(bob.recv_data().payload, b"hi")
        async with websockets.unix_connect(path, uri="ws://localhost/") as ws:
            await ws.send("hi")
            self.assertEqual(await self.recv(ws), "hi")
        server.stop()
        self.assertFalse(os.path.exists(path))

    async def test_a_unix_sockets_path_that_is_not_utf_8(self):
        folder = str(self.temp_dir()).encode()
        for args in ((), ("--log-format", "json")):
            path = folder + b"/caf\xe9.sock"
            server = self.serve("--unix", path, *args)
            server.wait_for_log(r"caf\\+xe9\.sock")
            server.stop()
            if args:
                line = json.loads(server.lines("out")[1])
                self.assertEqual(line["url"], f"ws+unix:{folder.decode()}/caf\\xe9.sock")

    async def test_a_unix_socket_that_was_replaced_is_not_removed(self):
        path = str(self.temp_dir() / "taburet.sock")
        first = self.serve("--unix", path)
        os.unlink(path)
        second = self.serve("--unix", path)
        first.stop()
        with opened(second, unix=path) as client:
            client.send_frame(TEXT, b"hi")
            self.assertEqual(client.recv_data().payload, b"hi")

    async def test_a_file_in_the_unix_sockets_place_is_not_removed(self):
        path = self.temp_dir() / "precious.txt"
        path.write_text("precious")
        done = run_program("serve", "--port", "0", "--unix", str(path))
        self.assertIn(done.returncode, (1, 2))
        self.assertIn(str(path), done.stderr)
        self.assertIn("the file exists and is not a socket", done.stderr)
        self.assertEqual(path.read_text(), "precious")

    async def test_a_unix_socket_in_use_is_refused(self):
        path = str(self.temp_dir() / "taburet.sock")
        self.serve("--unix", path)
        done = run_program("serve", "--unix", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{path} (somebody listens on it already)", done.stderr)


class PortTaken(ServerCase):
    def assert_refused(self, family, host):
        with socket.socket(family) as holder:
            holder.bind((host, 0))
            holder.listen()
            port = holder.getsockname()[1]
            done = run_program("serve", "--port", str(port))
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("listening", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        address = f"[{host}]" if family == socket.AF_INET6 else host
        self.assertEqual(done.stderr, f"taburet: cannot listen on localhost port {port} "
                                      f"({address}: the port is taken)\n")

    def test_a_taken_port_is_one_clear_line_and_exit_1(self):
        self.assert_refused(socket.AF_INET, "127.0.0.1")

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
    def test_it_is_refused_too_if_only_ipv6_is_taken(self):
        self.assert_refused(socket.AF_INET6, "::1")

    def test_an_address_that_is_not_ours_is_exit_1(self):
        done = run_program("serve", "--port", "0", "--host", "192.0.2.1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("192.0.2.1", done.stderr)
        self.assertNotIn("listening", done.stdout)

    async def test_two_servers_do_not_share_a_port_even_with_threads(self):
        server = self.serve("--threads", "2")
        done = run_program("serve", "--port", str(server.port), "--threads", "2")
        self.assertEqual(done.returncode, 1)


class BadCertificate(ServerCase):
    def assert_refused(self, cert, key, name):
        done = run_program("serve", "--port", "0", "--tls-cert", str(cert), "--tls-key", str(key))
        self.assertIn(done.returncode, (1, 2))
        self.assertNotIn("listening", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(str(name), done.stderr)

    def test_a_missing_file(self):
        cert, key = make_certificate(self.temp_dir())
        self.assert_refused("/nowhere/cert.pem", key, "/nowhere/cert.pem")
        self.assert_refused(cert, "/nowhere/some.key", "/nowhere/some.key")

    def test_a_file_that_is_no_certificate(self):
        folder = self.temp_dir()
        cert, key = make_certificate(folder)
        (folder / "noise.pem").write_text("noise\n")
        self.assert_refused(folder / "noise.pem", key, "noise.pem")
        self.assert_refused(cert, folder / "noise.pem", "noise.pem")

    def test_a_key_of_another_certificate(self):
        folder = self.temp_dir()
        cert, _ = make_certificate(folder)
        _, other = make_certificate(folder, "other.test")
        self.assert_refused(cert, other, "other.test.key")
        self.assert_refused(cert, other, cert)

    def sign_for_january_2020(self, folder, key):
        (folder / "index").touch()
        (folder / "ca.conf").write_text("[ca]\ndefault_ca = here\n[here]\ndatabase = index\n"
                                        "new_certs_dir = .\nrand_serial = yes\npolicy = any\n"
                                        "default_md = sha256\n[any]\ncommonName = supplied\n")
        for args in (["req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", "request"],
                     ["ca", "-selfsign", "-batch", "-config", "ca.conf", "-in", "request",
                      "-keyfile", key, "-out", "old.pem", "-startdate", "20200101000000Z",
                      "-enddate", "20200201000000Z"]):
            subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True,
                           timeout=LIMIT)
        return str(folder / "old.pem")

    def test_an_encrypted_key_is_refused_without_a_question(self):
        folder = self.temp_dir()
        cert, key = make_certificate(folder)
        locked = folder / "locked.key"
        subprocess.run(["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:secret",
                        "-out", str(locked)], check=True, capture_output=True, timeout=LIMIT)
        self.assert_refused(cert, locked, "the private key is encrypted")

    async def test_an_expired_one_is_served_and_noted(self):
        folder = self.temp_dir()
        _, key = make_certificate(folder)
        cert = self.sign_for_january_2020(folder, key)
        server = self.serve("--tls-cert", cert, "--tls-key", key)
        server.wait_for_log("^the certificate expired on 2020-02-01: ")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await self.assert_alive(server, ssl=context)

    def test_one_of_the_two_alone(self):
        cert, key = make_certificate(self.temp_dir())
        for args in (["--tls-cert", cert], ["--tls-key", key]):
            done = run_program("serve", "--port", "0", *args)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, "--tls-(cert|key)")


class Tls(ServerCase):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.cert, self.key = make_certificate(self.temp_dir())
        self.server = self.serve("--tls-cert", self.cert, "--tls-key", self.key)

    async def test_wss_is_announced_and_served(self):
        self.assertRegex(self.server.first_url, r"^wss://localhost:\d+$")
        alice = await self.connect(self.server, host="localhost", ssl=trusting(self.cert))
        bob = await self.connect(self.server, host="localhost", ssl=trusting(self.cert))
        await alice.send("double")
        for ws in (alice, bob):
            self.assertEqual(await self.recv_many(ws, 2), ["double #1", "double #2"])

    async def test_tls_1_2_is_the_oldest(self):

        for version, fine in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                              (ssl.TLSVersion.TLSv1_3, True)):
            context = trusting(self.cert)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            if fine:
                with opened(self.server, tls=context) as client:
                    self.assertEqual(client.sock.version(), version.name.replace("_", "."))
            else:
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    RawClient(self.server, tls=context)

    async def test_plain_bytes_at_the_tls_port_hurt_nobody(self):
        for noise in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\xff\xff" * 100,
                      b"\x00" * 5000):
            with RawClient(self.server) as client:
                client.try_send(noise)
                client.sock.shutdown(socket.SHUT_WR)
                client.wait_gone()
        await self.assert_alive(self.server, ssl=trusting(self.cert))

    async def test_1_mib_both_ways_over_tls(self):
        ws = await self.connect(self.server, host="localhost", ssl=trusting(self.cert))
        for message in ("x" * 1048576, bytes(range(256)) * 4096):
            await ws.send(message)
            self.assertEqual(await self.recv(ws), message)

    async def test_a_lost_tls_client_is_logged(self):
        client = opened(self.server, tls=trusting(self.cert))
        client.close()
        self.server.wait_for_log(r" disconnected.*\b1006\b")


if __name__ == "__main__":
    unittest.main()
