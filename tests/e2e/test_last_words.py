"""What a peer says at once before it ends its side is answered, whatever lies below, and whether or
not it had to wait."""

import socket
import ssl
import unittest

from support import ServerCase, make_certificate, trusting
from rawclient import BINARY, CLOSE, TEXT, RawClient, close_body, frame, whole_frames

MESSAGES = 10


class BurstSocket:
    """A TLS socket that can put data and its close_notify into one segment."""

    def __init__(self, sock, context):
        self.raw = sock
        self.settimeout, self.close = sock.settimeout, sock.close
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.run(self.tls.do_handshake)

    def flush(self):
        self.raw.sendall(self.outgoing.read())

    def run(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                if not (data := self.raw.recv(65536)):
                    raise EOFError from None
                self.incoming.write(data)
            finally:
                self.flush()

    def sendall(self, data):
        self.tls.write(data)
        self.flush()

    def recv(self, size):
        try:
            return self.run(lambda: self.tls.read(size))
        except (ssl.SSLZeroReturnError, EOFError):
            return b""

    def send_last(self, data):
        for begin in range(0, len(data), 16384):
            self.tls.write(data[begin:begin + 16384])
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()


class LastWords(ServerCase):
    context = None

    def arguments(self):
        return []

    def opened(self, server):
        client = RawClient(server)
        self.addCleanup(lambda: client.close())
        if self.context:
            client.sock = BurstSocket(client.sock, self.context)
        client.upgrade()
        return client

    def send_last(self, client, data):
        if self.context:
            client.sock.send_last(data)
        else:
            client.sock.sendall(data)
            client.sock.shutdown(socket.SHUT_WR)

    async def test_ten_messages_a_close_and_the_end_in_one_burst_are_all_answered(self):
        server = self.serve("--echo", *self.arguments())
        client = self.opened(server)
        texts = [b"message %d" % n for n in range(MESSAGES)]
        self.send_last(client, b"".join(frame(TEXT, text) for text in texts)
                       + frame(CLOSE, close_body(3000)))
        frames = whole_frames(client.recv_until_gone()[0])
        self.assertEqual([f.payload for f in frames[:-1]], texts)
        self.assertEqual(frames[-1][2:], (CLOSE, close_body(3000)))
        server.wait_for_log(r" disconnected: 3000 .*closed by the client$")

    async def test_the_same_of_a_peer_that_had_to_be_paused(self):
        server = self.serve("--echo", "--max-backlog", "1K", *self.arguments())
        client = self.opened(server)
        datas = [bytes([n]) * 50_000 for n in range(MESSAGES)]
        self.send_last(client, b"".join(frame(BINARY, data) for data in datas)
                       + frame(CLOSE, close_body(3000)))
        await self.assert_alive(server, **({"ssl": self.context} if self.context else {}))
        frames = whole_frames(client.recv_until_gone()[0])
        self.assertEqual([f.payload for f in frames[:-1]], datas)
        self.assertEqual(frames[-1][2:], (CLOSE, close_body(3000)))
        server.wait_for_log(r" disconnected: 3000 .*closed by the client$")

    async def test_without_a_close_frame_the_answers_come_all_the_same(self):
        server = self.serve("--echo", "--max-backlog", "1K", *self.arguments())
        client = self.opened(server)
        datas = [bytes([n]) * 50_000 for n in range(MESSAGES)]
        self.send_last(client, b"".join(frame(BINARY, data) for data in datas))
        frames = whole_frames(client.recv_until_gone()[0])
        self.assertEqual([f.payload for f in frames], datas)
        server.wait_for_log(r" disconnected: 1006 ")


class LastWordsOverTls(LastWords):
    def arguments(self):
        cert, key = make_certificate(self.temp_dir())
        self.context = trusting(cert)
        return ["--tls-cert", cert, "--tls-key", key]


if __name__ == "__main__":
    unittest.main()
