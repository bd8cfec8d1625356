"""A server that does everything by hand, so that it can also do it wrong.

EvilServer takes a behaviour: a function of an EvilPeer, run in a thread for each connection. The
behaviours below are the catalogue that test_connect_evil.py walks through; a test may write its
own. A behaviour ends when the client is gone (Gone, OSError); any other exception fails the test.
"""

import base64
import hashlib
import itertools
import re
import socket
import struct
import threading
import time
import zlib

from rawclient import CLOSE, CONTINUATION, RSV1, TEXT, Frame, Gone, close_body, frame, mask_bytes
from support import KIB, LIMIT, MIB

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
NO_CONTEXT = DEFLATE + "; server_no_context_takeover; client_no_context_takeover"


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


class EvilPeer:
    """One client, from the server's side."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()
        self.request = b""
        self.sock.settimeout(LIMIT)

    # ---- bytes ----

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        try:
            data = self.sock.recv(262144)
        except ConnectionResetError:
            raise Gone("reset") from None
        if not data:
            raise Gone("eof")
        self.buffer += data

    def take(self, size):
        while len(self.buffer) < size:
            self.fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def drip(self, data, pause=0.02):
        """A byte at a time."""
        for byte in data:
            self.send(bytes([byte]))
            threading.Event().wait(pause)

    def stay(self):
        """Reads and forgets until the client goes; raises Gone."""
        while True:
            self.buffer.clear()
            self.fill()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone("reset")

    # ---- the handshake ----

    def read_request(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        size = self.buffer.index(b"\r\n\r\n") + 4
        self.request = self.take(size)
        return self.request

    def header(self, name):
        """The values of a header of the request, in their order."""
        return re.findall(rf"(?im)^{re.escape(name)}:[ \t]*(.*?)[ \t]*\r$", self.request.decode())

    @property
    def target(self):
        return self.request.decode().split(" ")[1]

    def answer(self, status="101 Switching Protocols", *headers, accept="right", without=(),
               body=b""):
        """The bytes of an answer: `headers` are further lines, `without` names what is left
        out."""
        lines = []
        if status.startswith("101"):
            key = (self.header("Sec-WebSocket-Key") or [""])[0]
            lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"),
                     ("Sec-WebSocket-Accept", accept_of(key) if accept == "right" else accept)]
        head = [f"HTTP/1.1 {status}"] + [f"{n}: {v}" for n, v in lines if n not in without]
        return ("\r\n".join(head + list(headers)) + "\r\n\r\n").encode("latin-1") + body

    def upgrade(self, *headers, **parts):
        """Reads the request and answers it; returns the request."""
        self.read_request()
        self.send(self.answer("101 Switching Protocols", *headers, **parts))
        return self.request

    def refuse(self, status, *headers, body=b"", length=True):
        self.read_request()
        if length:
            headers += (f"Content-Length: {len(body)}",)
        self.send(self.answer(status, *headers, body=body))

    # ---- frames ----

    def send_frame(self, opcode, payload=b"", **parts):
        self.send(frame(opcode, payload, **({"masked": False} | parts)))

    def read_raw_frame(self):
        """The next frame: (Frame with the payload unmasked, its bytes as they came)."""
        raw = self.take(2)
        size = raw[1] & 0x7F
        if size >= 126:
            raw += self.take(2 if size == 126 else 8)
            size = int.from_bytes(raw[2:], "big")
        key = None
        if raw[1] & 0x80:
            key = self.take(4)
            raw += key
        body = self.take(size)
        payload = mask_bytes(body, key) if key else body
        return Frame(raw[0] >> 7, raw[0] >> 4 & 7, raw[0] & 15, payload), raw + body

    def read_frame(self):
        return self.read_raw_frame()[0]

    def read_until(self, opcode):
        """Passes over frames until one of this opcode."""
        while (got := self.read_frame()).opcode != opcode:
            pass
        return got

    def close(self, code, reason=b""):
        """Closes, waits for the answer, and ends the connection, as it should be."""
        self.send_frame(CLOSE, close_body(code, reason))
        self.read_until(CLOSE)
        self.half_close()
        self.stay()

    def answer_close(self):
        """Waits for the client's close, answers with the same, and ends the connection."""
        got = self.read_until(CLOSE)
        self.send_frame(CLOSE, got.payload[:2])
        self.half_close()
        self.stay()


class EvilServer:
    def __init__(self, behave, *, tls=None, host="127.0.0.1", rcvbuf=None):
        self.behave, self.tls = behave, tls
        self.peers, self.errors = [], []
        self._changed = threading.Condition()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family)
        if rcvbuf:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self._listener.bind((host, 0))
        self._listener.listen(128)
        self.port = self._listener.getsockname()[1]
        self.scheme, self.host = "wss" if tls else "ws", host
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # stopped
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.tls is not None:
                sock.settimeout(LIMIT)
                sock = self.tls.wrap_socket(sock, server_side=True)
            peer = EvilPeer(sock)
            with self._changed:
                self.peers.append(peer)
                self._changed.notify_all()
            self.behave(peer)
        except (Gone, OSError):
            pass
        except Exception as error:  # shown by stop(): a thread's own would be lost
            self.errors.append(error)
        finally:
            sock.close()

    def url(self, path="/", host=None):
        host = host or self.host
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}{path}"

    def wait_peer(self, number=0, limit=LIMIT):
        end = time.monotonic() + limit
        with self._changed:
            while len(self.peers) <= number:
                if time.monotonic() > end:
                    raise AssertionError(f"client {number} did not come within {limit} s")
                self._changed.wait(0.05)
        return self.peers[number]

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            try:
                peer.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if self.errors:
            raise self.errors[0]


# ---- behaviours: at the accept ----

def fin_at_accept(peer):
    peer.half_close()
    peer.stay()


def rst_at_accept(peer):
    peer.reset()


def rst_in_request(peer):
    """The request is there and not read: closing resets."""
    peer.sock.recv(1, socket.MSG_PEEK)
    peer.reset()


def silence(peer):
    peer.stay()


def ssh_banner(peer):
    peer.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    peer.stay()


def tls_bytes(peer):
    """What a TLS server says to a request in the clear: a fatal alert."""
    peer.read_request()
    peer.send(bytes.fromhex("15030100020250"))
    peer.half_close()
    peer.stay()


# ---- behaviours: the answer's head ----

def after_request(data, end=None):
    """Sends these bytes (or what a function of the peer gives) for an answer; `end` is "fin",
    "rst", or None: the connection stays open."""
    def behave(peer):
        peer.read_request()
        peer.send(data(peer) if callable(data) else data)
        if end == "rst":
            peer.reset()
        if end == "fin":
            peer.half_close()
        peer.stay()
    return behave


def head(*headers, cut=None, **parts):
    """A 101 with these further lines; `cut` is how many of its bytes are sent."""
    return lambda peer: peer.answer("101 Switching Protocols", *headers, **parts)[:cut]


def endless_1xx(peer):
    peer.read_request()
    while True:
        peer.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


def many_1xx(number):
    """Then a lawful upgrade."""
    def behave(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * number)
        peer.send(peer.answer())
        peer.answer_close()
    return behave


def endless_header(peer):
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nX: ")
    while True:
        peer.send(b"x" * 64 * KIB)


def bare_lf(peer):
    return peer.answer().replace(b"\r\n", b"\n")


def folded(peer):
    return peer.answer().replace(b"Upgrade: websocket", b"Upgrade:\r\n websocket")


def dripping_head(peer):
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nX: ")
    while True:
        peer.drip(b"x", 0.05)


# ---- behaviours: a refusal's body ----

def refusal(status, *headers, body=b"no\n", how="length"):
    """`how`: "length", "chunked", "close" (until the end), "short" (fewer bytes than announced,
    then nothing), "cut" (the same, then the end), "endless" (until close, for ever)."""
    def behave(peer):
        peer.read_request()
        if how in ("length", "short", "cut"):
            more = 0 if how == "length" else 1000
            peer.send(peer.answer(status, *headers, f"Content-Length: {len(body) + more}",
                                  body=body))
        elif how == "chunked":
            half = len(body) // 2
            chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part)
                              for part in (body[:half], body[half:]) if part)
            peer.send(peer.answer(status, *headers, "Transfer-Encoding: chunked",
                                  body=chunks + b"0\r\nX-Trailer: 1\r\n\r\n"))
        else:
            peer.send(peer.answer(status, *headers, "Connection: close", body=body))
        while how == "endless":
            peer.send(b"spam " * 10000)
        if how in ("close", "cut"):
            peer.half_close()
        peer.stay()
    return behave


# ---- behaviours: frames ----

def frames(*data, headers=(), end=None):
    """Upgrades, sends these bytes at once, and ends: with "fin", "rst", or, by default, once the
    client has closed (which is not answered)."""
    def behave(peer):
        peer.upgrade(*headers)
        peer.send(b"".join(data))
        if end == "rst":
            peer.reset()
        if end is None:
            peer.read_until(CLOSE)
        peer.half_close()
        peer.stay()
    return behave


def server_frame(opcode, payload=b"", **parts):
    return frame(opcode, payload, **({"masked": False} | parts))


def split_text(*parts):
    """A text message in these frames."""
    last = len(parts) - 1
    return b"".join(server_frame(CONTINUATION if n else TEXT, part, fin=n == last)
                    for n, part in enumerate(parts))


def close_frame(code=None, reason=b"", raw=None):
    body = raw if raw is not None else b"" if code is None else close_body(code, reason)
    return server_frame(CLOSE, body)


def closing(code=None, reason=b"", raw=None):
    """Says hello, closes, and waits for the answer, as it should be."""
    def behave(peer):
        peer.upgrade()
        peer.send(server_frame(TEXT, b"hello") + close_frame(code, reason, raw))
        peer.read_until(CLOSE)
        peer.half_close()
        peer.stay()
    return behave


def data_after_close(peer):
    peer.upgrade()
    peer.send(close_frame(1000) + server_frame(TEXT, b"too late"))
    peer.read_until(CLOSE)


def deaf_to_close(peer):
    """Never answers a close."""
    peer.upgrade()
    peer.stay()


def end_instead_of_close(how):
    def behave(peer):
        peer.upgrade()
        peer.read_until(CLOSE)
        if how == "rst":
            peer.reset()
        peer.half_close()
        peer.stay()
    return behave


def never_reading(peer):
    """Upgrades and reads no byte more, until the test stops the server."""
    peer.upgrade()
    threading.Event().wait(LIMIT * 2)


def flood(data, times=None):
    """The same bytes again and again, whatever the client does; reads nothing."""
    def behave(peer):
        peer.upgrade()
        for _ in itertools.repeat(None) if times is None else range(times):
            peer.send(data)
        peer.answer_close()
    return behave


def deflated(data, level=9):
    """A message's payload for permessage-deflate."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def bomb(size):
    """A text message of `size` zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(packer.compress(b"0" * min(MIB, size - at)) for at in range(0, size, MIB))
    return server_frame(TEXT, (data + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=RSV1)


def dripping_frames(data):
    """The same bytes as a lawful server's, a byte at a time."""
    def behave(peer):
        peer.upgrade()
        peer.drip(data, 0.001)
        peer.answer_close()
    return behave
