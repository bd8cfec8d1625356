"""What the tests of `taburet connect` stand on: the program run to its end or kept running, and a
server of Python's websockets that remembers what it saw.

Nothing of the user's is touched: HOME and the XDG folders are a temporary folder, and the variables
that name proxies or colours are not there unless a test sets them.
"""

import asyncio
import collections
import faulthandler
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import websockets

from evilserver import EvilServer
from support import (LIMIT, PRELOAD, PROGRAM, ROOT, SCALE, TEST_LIMIT, Measured,
                     check_sanitizers)

# The exit codes of CLI.md.
OK, SYSTEM, USAGE, BAD_URL, NO_PROXY_NAME, NO_HOST_NAME, NO_CONNECTION = 0, 1, 2, 3, 5, 6, 7
REFUSED, NO_OUTPUT, TIMED_OUT, TLS_FAILED, SEND_FAILED, RECV_FAILED = 22, 23, 28, 35, 55, 56
NOT_TRUSTED, CLOSED, VIOLATION, UNEXPECTED, INTERRUPTED = 60, 101, 102, 103, 130

LEFT_OUT = re.compile(r"(?i)^(\w+_proxy|no_color|force_color|clicolor\w*|term|lc_\w+|lang|"
                        r"xdg_\w+|ssl_cert_\w+|taburet_\w+|columns|lines)$")


class Done(collections.namedtuple("Done", "code out err")):
    """How a program ended; what is shown of it is short."""

    def __repr__(self):
        return f"exit {self.code}; stdout {self.out[:500]!r}; stderr:\n{self.err[:2000]}"


def environment(home, **extra):
    """The environment of the program: this one without what could change the test."""
    kept = {name: value for name, value in os.environ.items() if not LEFT_OUT.match(name)}
    own = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"),
           "XDG_CONFIG_HOME": str(home / "config"), "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    return kept | own | PRELOAD | extra


def rule(name):
    """The sentence of a rule in proto/violation.def, as a pattern."""
    text = (ROOT / "src" / "proto" / "violation.def").read_text()
    return re.escape(re.search(rf'^X\({name}, .*?"([^"]*)"\)$', text, re.M).group(1))


class Connect(Measured):
    """`taburet connect`, or another verb, with these arguments, running; its output is collected."""

    def __init__(self, *args, env, verb="connect", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, cwd=None, preexec=None):
        self._changed = threading.Condition()
        self._data = {"out": bytearray(), "err": bytearray()}
        self.process = subprocess.Popen([PROGRAM, verb, *map(str, args)], stdin=stdin,
                                        stdout=stdout, stderr=stderr, env=env, cwd=cwd,
                                        preexec_fn=preexec)
        self.pid = self.process.pid
        pipes = (("out", self.process.stdout), ("err", self.process.stderr))
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in pipes if pair[1] is not None]
        for reader in self._readers:
            reader.start()

    # ---- output ----

    def _read(self, name, pipe):
        while data := os.read(pipe.fileno(), 65536):
            with self._changed:
                self._data[name] += data
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def out(self):
        return bytes(self._data["out"])

    @property
    def err(self):
        return self._data["err"].decode("utf-8", "backslashreplace")

    def wait_for(self, condition, what, limit=LIMIT):
        end = time.monotonic() + limit
        with self._changed:
            while not (value := condition()):
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {limit} s: {what}; stdout {self.out[:500]!r};"
                                         f" stderr:\n{self.err[:2000]}")
                self._changed.wait(min(left, 0.2))
        return value

    def wait_err(self, pattern, limit=LIMIT):
        return self.wait_for(lambda: re.search(pattern, self.err), f"stderr like {pattern!r}",
                             limit)

    def wait_out(self, pattern, limit=LIMIT):
        return self.wait_for(lambda: re.search(pattern, self.out), f"stdout like {pattern!r}",
                             limit)

    def wait_lines(self, number, limit=LIMIT):
        """The first `number` whole lines of stdout."""
        self.wait_for(lambda: self.out.count(b"\n") >= number, f"{number} lines", limit)
        return self.out.split(b"\n")[:number]

    # ---- input ----

    def feed(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end_input(self):
        self.process.stdin.close()

    # ---- the end ----

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, limit=LIMIT):
        """Waits for the exit; returns code, stdout and stderr."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the program did not leave within {limit} s; stdout "
                                 f"{self.out[:500]!r}; stderr:\n{self.err[:2000]}") from None
        for reader in self._readers:
            reader.join(LIMIT)
        check_sanitizers(self.err)
        return Done(code, self.out, self.err)

    def release(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join(LIMIT)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # what was not taken before the end


# ---- a server of Python's websockets ----

class Peer:
    """What the server saw of one client."""

    def __init__(self, ws):
        self.path = ws.path
        self.headers = ws.request_headers
        self.subprotocol = ws.subprotocol
        self.extensions = [extension.name for extension in ws.extensions]
        self.messages = []
        self.close = None  # (code, reason) once it is gone


async def echo(ws, peer):
    async for message in ws:
        peer.messages.append(message)
        await ws.send(message)


async def listen(ws, peer):
    """Says nothing."""
    async for message in ws:
        peer.messages.append(message)


def say(*messages, close=None):
    """Sends these at once, then listens, or closes with (code, reason)."""
    async def behave(ws, peer):
        for message in messages:
            await ws.send(message)
        if close is not None:
            await ws.close(*close)
        await listen(ws, peer)
    return behave


def answer_then_close(code, reason=""):
    """Echoes one message and closes."""
    async def behave(ws, peer):
        message = await ws.recv()
        peer.messages.append(message)
        await ws.send(message)
        await ws.close(code, reason)
    return behave


class WsServer:
    """Python's websockets in a thread of its own, on a free port of loopback."""

    def __init__(self, behave=echo, *, host="127.0.0.1", port=0, unix=None, tls=None, refuse=None,
                 **settings):
        self.peers = []
        self.refused = []  # (path, headers) of those that `refuse` answered
        self.scheme = "wss" if tls else "ws"
        self._changed = threading.Condition()
        self._behave, self._refuse = behave, refuse
        self._loop = asyncio.new_event_loop()
        settings = {"compression": None, "ping_interval": None, "close_timeout": 2,
                    "max_size": None, "ssl": tls, "process_request": self._process} | settings
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(self._start(host, port, unix, settings))
        self.port = None if unix else self._server.sockets[0].getsockname()[1]
        self.host = host

    async def _start(self, host, port, unix, settings):
        if unix:
            return await websockets.unix_serve(self._run, str(unix), **settings)
        return await websockets.serve(self._run, host, port, **settings)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(LIMIT)

    async def _process(self, path, headers):
        answer = self._refuse(path, headers) if self._refuse else None
        if answer is not None:
            with self._changed:
                self.refused.append((path, headers))
                self._changed.notify_all()
        return answer

    async def _run(self, ws):
        peer = Peer(ws)
        with self._changed:
            self.peers.append(peer)
            self._changed.notify_all()
        try:
            await self._behave(ws, peer)
        except websockets.ConnectionClosed:
            pass
        await ws.wait_closed()
        with self._changed:
            peer.close = (ws.close_code, ws.close_reason)
            self._changed.notify_all()

    def wait_for(self, condition, what, limit=LIMIT):
        end = time.monotonic() + limit
        with self._changed:
            while not (value := condition()):
                if time.monotonic() > end:
                    raise AssertionError(f"the server did not see within {limit} s: {what}")
                self._changed.wait(0.05)
        return value

    def wait_peer(self, number=0):
        self.wait_for(lambda: len(self.peers) > number, f"client {number}")
        return self.peers[number]

    def wait_messages(self, messages, number=0):
        """Waits until the client has sent as many, and compares them."""
        peer = self.wait_peer(number)
        self.wait_for(lambda: len(peer.messages) >= len(messages), f"{messages!r}")
        if peer.messages != messages:
            raise AssertionError(f"the server got {peer.messages!r}, not {messages!r}")

    def wait_close(self, number=0):
        peer = self.wait_peer(number)
        return self.wait_for(lambda: peer.close, "a close")

    def url(self, path="/", host=None):
        host = host or self.host
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}{path}"

    def stop(self):
        """Once is enough; a test may do it before its end."""
        if self._loop.is_closed():
            return

        async def close():
            self._server.close()
            await self._server.wait_closed()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._call(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT)
        self._loop.close()


# ---- a test ----

class ConnectCase(unittest.TestCase):
    """A test with servers and programs that are cleared away behind it, programs first."""

    def setUp(self):
        faulthandler.dump_traceback_later(TEST_LIMIT, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        self.home = self.temp_dir()

    def temp_dir(self):
        place = tempfile.TemporaryDirectory(prefix="taburet-test-")
        self.addCleanup(place.cleanup)
        return pathlib.Path(place.name)

    def file(self, name, content, mode=0o600):
        path = self.home / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def ws_server(self, behave=echo, **settings):
        server = WsServer(behave, **settings)
        self.addCleanup(server.stop)
        return server

    def evil_server(self, behave, **settings):
        server = EvilServer(behave, **settings)
        self.addCleanup(server.stop)
        return server

    def connect(self, *args, env=None, **settings):
        """The program, kept running."""
        program = Connect(*args, env=environment(self.home, **(env or {})), **settings)
        self.addCleanup(program.release)
        return program

    def run_connect(self, *args, stdin=b"", env=None, limit=LIMIT, **settings):
        """Runs the program to its end. stdin: bytes, or what Popen takes."""
        piped = isinstance(stdin, bytes)
        program = self.connect(*args, env=env, stdin=subprocess.PIPE if piped else stdin,
                               **settings)
        if piped:
            threading.Thread(target=self._feed_all, args=(program, stdin), daemon=True).start()
        return program.wait(limit)

    @staticmethod
    def _feed_all(program, data):
        try:
            program.feed(data)
            program.end_input()
        except (BrokenPipeError, ValueError):
            pass  # it left before it had read all

    def assert_ends(self, done, code, *patterns):
        """The exit code, and what stderr must name."""
        self.assertEqual(done.code, code, done)
        for pattern in patterns:
            self.assertRegex(done.err, pattern)

    def assert_error(self, done, code, *patterns):
        """The same of an error: its line begins with the program's name, and no stack or control
        character stands in it."""
        self.assert_ends(done, code, *patterns)
        self.assertRegex(done.err, r"(?m)^taburet: ")
        self.assertNotRegex(done.err, "[\x00-\x08\x0b-\x1f\x7f-\x9f]")

    def assert_data(self, done, data):
        """Exit 0, and exactly this on stdout."""
        if (done.code, done.out) != (OK, data):
            self.fail(f"{done!r}\ninstead of exit 0 with {data[:500]!r}")

    def assert_output(self, done, *lines):
        """Exit 0, these lines on stdout and nothing else."""
        self.assert_data(done, b"".join(line + b"\n" for line in lines))


class EvilCase(ConnectCase):
    """A test against the catalogue of evilserver.py."""

    def assert_evil(self, behave, codes, *patterns, args=(), stdin=b"", limit=LIMIT):
        """The exit code (one, or one of several) and what stderr says; returns how it ended."""
        server = self.evil_server(behave)
        try:
            program = self.connect(server.url(), "--wait=-1", *args)
            if stdin:
                program.feed(stdin)
            done = program.wait(limit)
        finally:
            program.release()
        codes = codes if isinstance(codes, tuple) else (codes,)
        self.assertIn(done.code, codes, done)
        self.assert_error(done, done.code, *patterns)
        return done

    def assert_catalogue(self, catalogue):
        for name, behave, codes, *patterns in catalogue:
            with self.subTest(name):
                self.assert_evil(behave, codes, *patterns)

    def assert_quiet(self, behave, *args):
        """While the server does this, the program uses next to no processor time."""
        program = self.connect(self.evil_server(behave).url(), "--wait=-1", *args)
        program.cpu_share(0.2)
        self.assertIsNone(program.process.poll(), program.err)
        self.assertLess(program.cpu_share(0.3), 0.05 * SCALE)
        program.release()
