"""What every end-to-end test stands on: the program under test, and clients for it.

The program is $TABURET (default: build/taburet). Every wait has a limit; nothing sleeps in order
to wait for readiness. TABURET_SANITIZED=1 says that the program was built with sanitizers: limits
of time are then SCALE times longer, and limits of memory are not judged (ASan's quarantine and
shadow pages are not the program's own memory). TABURET_PRELOAD is what the servers are to be
loaded with (one_byte.c).
"""

import asyncio
import faulthandler
import json
import os
import pathlib
import re
import resource
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import websockets

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TABURET") or str(ROOT / "build" / "taburet")
SANITIZED = os.environ.get("TABURET_SANITIZED") == "1"
PRELOAD = {"LD_PRELOAD": os.environ["TABURET_PRELOAD"]} if "TABURET_PRELOAD" in os.environ else {}
SCALE = 3 if SANITIZED else 1
LIMIT = 10 * SCALE
TEST_LIMIT = 60 * SCALE
KIB = 1024
MIB = 1024 * KIB

LISTENING = re.compile(r'^(?:listening on |\{"ev": ?"listening", ?"url": ?")([^"\s]+)')
SANITIZER = re.compile(r"(ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:).*")

unjudged_when_sanitized = unittest.skipIf(SANITIZED, "memory is not judged under sanitizers")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def wait_until(condition, what, limit=LIMIT):
    """Polls a condition that nothing announces (a count in /proc, say)."""
    end = time.monotonic() + limit
    pause = threading.Event()
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        pause.wait(0.01)
    return value


def limit_descriptors(number):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


def check_sanitizers(text):
    """Fails where a sanitizer had something to say."""
    if found := SANITIZER.search(text):
        raise AssertionError(found.group(0) + "\n" + text)


def run_program(*args, limit=LIMIT, preexec=None):
    """Runs the program to its end, for what must refuse to start or end by itself."""
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=limit, text=True, errors="backslashreplace",
                          preexec_fn=preexec)
    check_sanitizers(done.stderr)
    return done


class Measured:
    """What the system knows about the running process `pid`."""

    def cpu(self):
        """Seconds of processor time so far (the process's own CPU clock)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def cpu_share(self, seconds=0.5):
        """The share of one core that the process uses, measured over that time."""
        cpu, began = self.cpu(), time.monotonic()
        threading.Event().wait(seconds)
        return (self.cpu() - cpu) / (time.monotonic() - began)

    def private_memory(self):
        """Bytes of memory that nobody else shares."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return KIB * sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+) kB", text, re.M))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Server(Measured):
    """`taburet serve --port 0` with further arguments, running; its output is collected. port=None:
    where it listens is for a file to say."""

    def __init__(self, *args, port="0", every="0", nofile=None, preexec=None):
        self.stopped_by_test = False
        self.expected_exit = 0
        self._changed = threading.Condition()
        self._lines = []  # (stream's name, bytes) in the order of arrival
        argv = [PROGRAM, "serve"]
        argv += ["--port", port] if port is not None else []
        argv += ["--every", every] if every is not None else []
        limit = limit_descriptors(nofile) if nofile else preexec
        self.process = subprocess.Popen(argv + list(args), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=limit, env=os.environ | PRELOAD)
        self.pid = self.process.pid
        self._readers = [threading.Thread(target=self._read, args=(name, pipe), daemon=True)
                         for name, pipe in (("out", self.process.stdout),
                                            ("err", self.process.stderr))]
        for reader in self._readers:
            reader.start()
        try:
            self._await_listening()
        except AssertionError:
            self.kill()
            raise

    # ---- output ----

    def _read(self, name, pipe):
        for line in pipe:
            with self._changed:
                self._lines.append((name, line.rstrip(b"\n")))
                self._changed.notify_all()
        pipe.close()

    def _await_listening(self):
        def first_line():
            return next((text for name, text in self.entries() if name == "out"), None)
        self._wait(lambda: first_line() is not None or self.process.poll() is not None,
                   LIMIT, "a first line on stdout")
        match = LISTENING.match(first_line() or "")
        if not match:
            raise AssertionError(f"the first line is not the address: {self.output()!r}")
        self.first_url = match.group(1)
        self.scheme = self.first_url.split(":")[0]
        number = re.search(r":(\d+)/?$", self.first_url)
        self.port = int(number.group(1)) if number else None

    def _wait(self, condition, limit, what):
        end = time.monotonic() + limit
        with self._changed:
            while not (value := condition()):
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {limit} s: {what}; output so far:\n"
                                         + self.output())
                self._changed.wait(min(left, 0.2))
        return value

    def entries(self):
        return [(name, line.decode("utf-8", "backslashreplace")) for name, line in
                list(self._lines)]

    def raw_output(self, stream="out"):
        return b"\n".join(line for name, line in list(self._lines) if name == stream)

    def lines(self, stream=None):
        return [text for name, text in self.entries() if stream in (None, name)]

    def output(self):
        return "\n".join(self.lines())

    def urls(self):
        return [m.group(1) for m in map(LISTENING.match, self.lines("out")) if m]

    def mark(self):
        """A place in the output, for wait_for_log(..., since=)."""
        return len(self._lines)

    def find_log(self, pattern, since=0):
        return [m for _, text in self.entries()[since:] if (m := re.search(pattern, text))]

    def wait_for_log(self, pattern, limit=LIMIT, since=0, count=1):
        """Waits until `count` lines match; returns the last of these matches."""
        found = self._wait(lambda: len(m := self.find_log(pattern, since)) >= count and m, limit,
                           f"{count} log lines like {pattern!r}")
        return found[count - 1]

    # ---- the end ----

    def send_signal(self, number=signal.SIGTERM):
        self.stopped_by_test = True
        self.process.send_signal(number)

    def wait(self, limit=LIMIT):
        """Waits for the exit; returns its code."""
        code = self.process.wait(limit)
        for reader in self._readers:
            reader.join(LIMIT)
        return code

    def stop(self, number=signal.SIGTERM, limit=LIMIT):
        self.send_signal(number)
        return self.wait(limit)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.wait()

    def finish(self):
        """The end of every test: the server still lives, stops as it should, and no sanitizer
        had anything to say."""
        died = self.process.poll() is not None and not self.stopped_by_test
        try:
            code = self.process.returncode if died else self.stop() if not self.stopped_by_test \
                else self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not stop after SIGTERM") from None
        if died:
            self.wait()
        if PRELOAD and "cannot be preloaded" in self.output():
            raise AssertionError(self.output())
        check_sanitizers(self.output())
        if died:
            raise AssertionError(f"the server died with {code}:\n{self.output()}")
        if code != self.expected_exit:
            raise AssertionError(f"exit code {code}:\n{self.output()}")

    # ---- addresses ----

    def url(self, path="/", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"


class ServerCase(unittest.IsolatedAsyncioTestCase):
    """A test with servers and clients that are cleared away behind it, clients first."""

    def setUp(self):
        faulthandler.dump_traceback_later(TEST_LIMIT, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)

    def serve(self, *args, **settings):
        server = Server(*args, **settings)
        self.addCleanup(server.finish)
        return server

    def temp_dir(self):
        place = tempfile.TemporaryDirectory(prefix="taburet-test-")
        self.addCleanup(place.cleanup)
        return pathlib.Path(place.name)

    async def connect(self, server, path="/", host="127.0.0.1", **settings):
        """A client of Python's websockets; compression only where asked for."""
        settings = {"compression": None, "ping_interval": None, "close_timeout": 2,
                    "max_size": None, "max_queue": None, "open_timeout": LIMIT} | settings
        ws = await websockets.connect(server.url(path, host), **settings)
        self.addAsyncCleanup(ws.close)
        return ws

    async def connect_many(self, server, number, **settings):
        return await asyncio.gather(*(self.connect(server, **settings) for _ in range(number)))

    async def recv(self, ws, limit=LIMIT):
        return await asyncio.wait_for(ws.recv(), limit)

    async def recv_many(self, ws, number, limit=LIMIT):
        async def take():
            return [await ws.recv() for _ in range(number)]
        return await asyncio.wait_for(take(), limit)

    async def assert_silent(self, ws, seconds):
        """Nothing comes for that long."""
        with self.assertRaises(asyncio.TimeoutError):
            got = await asyncio.wait_for(ws.recv(), seconds)
            self.fail(f"unexpected: {got!r}")

    async def assert_closed(self, ws, code, reason=None, limit=LIMIT):
        await asyncio.wait_for(ws.wait_closed(), limit)
        self.assertEqual(ws.close_code, code, ws.close_reason)
        if reason is not None:
            self.assertIn(reason, ws.close_reason)

    async def assert_alive(self, server, **settings):
        """A new client is served: its ping, which comes after all that was sent before, is
        answered."""
        ws = await self.connect(server, **settings)
        await asyncio.wait_for(await ws.ping(), LIMIT)
        await ws.close()


def json_lines(data):
    return [json.loads(line) for line in data.splitlines()]


def make_certificate(folder, name="localhost"):
    """A fresh self-signed certificate; returns the paths of certificate and key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1,IP:::1",
                    "-keyout", str(key), "-out", str(cert)],
                   check=True, capture_output=True, timeout=LIMIT)
    return str(cert), str(key)


def trusting(cert):
    return ssl.create_default_context(cafile=cert)
