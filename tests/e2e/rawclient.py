"""A client that does everything by hand, so that it can also do it wrong."""

import base64
import collections
import hashlib
import os
import socket
import struct
import time

from support import LIMIT

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1, RSV2, RSV3 = 4, 2, 1

Frame = collections.namedtuple("Frame", "fin rsv opcode payload")
Response = collections.namedtuple("Response", "status headers body")


class Gone(Exception):
    """The connection ended; `how` is "eof" or "reset"."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


def mask_bytes(payload, key):
    n = len(payload)
    if n == 0:
        return b""
    pad = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(n, "big")


def head(opcode, length, fin=True, rsv=0, masked=True, len_size=None):
    """A frame's header without the masking key; any field may be wrong."""
    if len_size is None:
        len_size = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[len_size]
    extra = {0: b"", 2: struct.pack("!H", length & 0xFFFF), 8: struct.pack("!Q", length)}[len_size]
    return bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short]) + extra


def frame(opcode, payload=b"", fin=True, rsv=0, key=None, masked=True, length=None, len_size=None):
    """A client's frame; `length` and `len_size` may lie about the payload."""
    size = len(payload) if length is None else length
    start = head(opcode, size, fin, rsv, masked, len_size)
    if not masked:
        return start + payload
    key = os.urandom(4) if key is None else key
    return start + key + mask_bytes(payload, key)


def close_body(code, reason=b""):
    return struct.pack("!H", code) + reason


def request(headers=(), path="/", host="localhost", without=(), method="GET", version="1.1"):
    """The bytes of an upgrade; `headers` are further (name, value) pairs, `without` names what is
    left out."""
    pairs = [("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
             ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
             ("Sec-WebSocket-Version", "13")]
    lines = [f"{method} {path} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in pairs if name not in without]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def plain_request(method="GET", path="/", headers=(("Host", "localhost"),), version="1.1"):
    lines = [f"{method} {path} HTTP/{version}"] + [f"{n}: {v}" for n, v in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def parse_frame(data):
    """(Frame, bytes used), or None if it is not whole. Checks what a server's frames must be."""
    if len(data) < 2:
        return None
    first, second = data[0], data[1]
    if second & 0x80:
        raise AssertionError("the server masked a frame")
    size, start = second & 0x7F, 2
    if size >= 126:
        extra = 2 if size == 126 else 8
        start += extra
        if len(data) < start:
            return None
        smallest = 126 if extra == 2 else 65536
        size = int.from_bytes(data[2:start], "big")
        if size < smallest:
            raise AssertionError("the server's length is not minimal")
    if len(data) < start + size:
        return None
    opcode = first & 15
    if opcode not in (0, 1, 2, 8, 9, 10):
        raise AssertionError(f"the server sent opcode {opcode}")
    return Frame(first >> 7, first >> 4 & 7, opcode, bytes(data[start:start + size])), start + size


class RawClient:
    def __init__(self, server, *, host="127.0.0.1", unix=None, tls=None, rcvbuf=None,
                 limit=LIMIT):
        if unix is not None:
            self.sock = socket.socket(socket.AF_UNIX)
            target = unix
        else:
            self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            target = (host, server.port)
        self.limit = limit
        self.buffer = bytearray()
        self.sock.settimeout(limit)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        try:
            self.sock.connect(target)
            if unix is None:
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.address = "%s:%d" % self.sock.getsockname()[:2]
            if tls is not None:
                self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Ends the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # ---- bytes ----

    def send(self, data):
        self.sock.sendall(data)

    def try_send(self, data):
        """Sends although the server may have left already."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send_until_blocked(self, data, patience=1.0):
        """Sends until all is out, nothing was taken for `patience` seconds, or the connection
        is lost. Returns how many bytes were taken."""
        view, sent = memoryview(data), 0
        self.sock.settimeout(patience)
        try:
            while sent < len(view):
                sent += self.sock.send(view[sent:sent + 65536])
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        self.sock.settimeout(self.limit)
        return sent

    def _fill(self, end):
        left = end - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing came in time; so far {bytes(self.buffer[:200])!r}")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(262144)
        except TimeoutError:
            raise AssertionError("nothing came in time; so far "
                                 f"{bytes(self.buffer[:200])!r}") from None
        except ConnectionResetError:
            raise Gone("reset") from None
        finally:
            self.sock.settimeout(self.limit)
        if not data:
            raise Gone("eof")
        self.buffer += data

    def recv_until_gone(self, limit=None):
        """Everything until the end, and how it ended."""
        end = time.monotonic() + (limit or self.limit)
        while True:
            try:
                self._fill(end)
            except Gone as gone:
                data = bytes(self.buffer)
                self.buffer.clear()
                return data, gone.how

    def wait_gone(self, limit=None):
        return self.recv_until_gone(limit)[1]

    # ---- HTTP ----

    def recv_response(self, limit=None, body=True):
        end = time.monotonic() + (limit or self.limit)
        while b"\r\n\r\n" not in self.buffer:
            self._fill(end)
        start, rest = bytes(self.buffer).split(b"\r\n\r\n", 1)
        lines = start.decode("latin-1").split("\r\n")
        headers = collections.defaultdict(list)
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()].append(value.strip())
        self.buffer = bytearray(rest)
        status = int(lines[0].split(" ")[1])
        size = int(headers["content-length"][0]) if "content-length" in headers and body else 0
        while len(self.buffer) < size:
            self._fill(end)
        content = bytes(self.buffer[:size])
        del self.buffer[:size]
        return Response(status, dict(headers), content)

    def upgrade(self, headers=(), path="/", expect=101, **parts):
        ask = request(headers, path, **parts)
        self.send(ask)
        response = self.recv_response()
        if expect is not None and response.status != expect:
            raise AssertionError(f"{response.status} instead of {expect}: {response}")
        if response.status == 101:
            key = [line.split(b": ")[1] for line in ask.split(b"\r\n")
                   if line.startswith(b"Sec-WebSocket-Key")][0]
            guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            right = base64.b64encode(hashlib.sha1(key + guid).digest()).decode()
            if response.headers["sec-websocket-accept"] != [right]:
                raise AssertionError("wrong Sec-WebSocket-Accept")
        return response

    # ---- frames ----

    def send_frame(self, opcode, payload=b"", **parts):
        self.send(frame(opcode, payload, **parts))

    def recv_frame(self, limit=None):
        end = time.monotonic() + (limit or self.limit)
        while not (found := parse_frame(self.buffer)):
            self._fill(end)
        result, used = found
        del self.buffer[:used]
        return result

    def recv_data(self, limit=None):
        """The next frame that is no ping and no pong."""
        end = time.monotonic() + (limit or self.limit)
        while True:
            got = self.recv_frame(max(end - time.monotonic(), 0.001))
            if got.opcode not in (PING, PONG):
                return got

    def recv_close(self, limit=None):
        """The server's close frame: (code, reason); data before it is passed over."""
        end = time.monotonic() + (limit or self.limit)
        while True:
            got = self.recv_data(max(end - time.monotonic(), 0.001))
            if got.opcode == CLOSE:
                if not got.payload:
                    return 1005, ""
                return struct.unpack("!H", got.payload[:2])[0], got.payload[2:].decode()


def opened(server, headers=(), **settings):
    """A RawClient after its upgrade."""
    client = RawClient(server, **settings)
    try:
        client.upgrade(headers)
    except BaseException:
        client.close()
        raise
    return client


def whole_frames(data):
    """Every frame in data; fails if the last one is torn."""
    frames, view = [], memoryview(data)
    while view:
        found = parse_frame(view)
        if not found:
            raise AssertionError(f"a torn frame at the end: {bytes(view[:20])!r}")
        frames.append(found[0])
        view = view[found[1]:]
    return frames
