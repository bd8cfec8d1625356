"""clients.py - `taburet connect` beside other command-line clients: npm wscat, and a small one on
Python websockets.

A client talks to `hose`, which is faster than any of them, through pipes that are always drained
and fed. Its CPU time is counted from the moment that the connection is open and has been used once
until the client has been waited for. All clients get the same messages, uncompressed, and the
messages and bytes that come out are compared with what went in.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time

from programs import DRIVER_CPU, TESTED_CPU, pin, serving

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WSCAT = ["node", os.path.join(ROOT, "tests", "node_modules", "wscat", "bin", "wscat")]
PYTHON = ["/usr/bin/python3", os.path.join(ROOT, "bench", "peers", "python_client.py")]
PATIENCE_S = 120
PEERS = ("npm wscat", "Python websockets")


def command(bench, name, talk, url):
    """talk: receive, send or echo."""
    if name == "Taburet":
        once = ["-d", "hi", "-1"] if talk == "echo" else []
        return [bench.args.taburet, "connect", "-sS", "--no-deflate", *once, url]
    if name == "npm wscat":
        return [*WSCAT, *(["-x", "hi", "-w", "0"] if talk == "echo" else []), "-c", url]
    return [*PYTHON, talk, url]


# ---- CPU per message ----

def lines(messages):
    return b"".join(b"%020d\n" % number for number in range(messages))


def cpu_seconds_so_far(pid):
    return time.clock_gettime((~pid << 3) | 2)  # the process's CPU clock, as clock_getcpuclockid()


def read_line(fd):
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(fd, 4096)
        if not more:
            break
        line += more
    return line


def drain(fd):
    """All that comes until the end."""
    pieces = []
    while piece := os.read(fd, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def feed(stream, data, close):
    try:
        stream.write(data)
        stream.flush()
        if close:
            stream.close()
    except BrokenPipeError:
        pass  # the client's exit code and the server's count say what there is to say


@contextlib.contextmanager
def started(client_command):
    """A client between pipes, which is killed if it has not ended by itself, or not in time."""
    client = subprocess.Popen(client_command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              preexec_fn=pin(TESTED_CPU))
    patience = threading.Timer(PATIENCE_S, client.kill)
    patience.start()
    try:
        yield client
    finally:
        patience.cancel()
        if client.returncode is None:
            client.kill()
            client.wait()
        client.stdout.close()


def await_end(client):
    """Seconds of CPU that it has used, and leaves its exit code in it."""
    _, status, usage = os.wait4(client.pid, 0)
    client.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def converse(bench, name, talk, messages):
    """One client, one load: seconds of its CPU. wscat leaves when its input ends, whatever there
    is left to send, so its input stays open until the server has closed."""
    mode = "push" if talk == "receive" else "count"
    numbers = lines(messages)
    with serving([bench.program("hose"), mode, str(messages)], DRIVER_CPU,
                 stdin=subprocess.PIPE) as (hose, port), \
            started(command(bench, name, talk, f"ws://127.0.0.1:{port}")) as client:
        if read_line(client.stdout.fileno()) != b"ready\n":
            sys.exit(f"bench: {name} did not show the first message")
        before = cpu_seconds_so_far(client.pid)
        food = ((hose.stdin, "\n", False) if talk == "receive" else
                (client.stdin, numbers, name != "npm wscat"))
        feeder = threading.Thread(target=feed, args=food)
        feeder.start()
        got = drain(client.stdout.fileno())
        seconds = await_end(client) - before
        feeder.join()
        check(name, talk, messages, numbers, got, client.returncode, hose.communicate()[0])
    return seconds


def check(name, talk, messages, numbers, got, exit_code, counted):
    wanted = numbers if talk == "receive" else b""
    if name == "npm wscat" and talk == "send":
        got = got.replace(b"> ", b"")  # it prompts into pipes, too
    if got != wanted:
        sys.exit(f"bench: {name} wrote {len(got)} bytes that should be {len(wanted)}, or others")
    if counted != f"moved {messages} messages, {20 * messages} bytes\n":
        sys.exit(f"bench: {name} and its server did not exchange {messages} messages: {counted!r}")
    if exit_code != 0:
        sys.exit(f"bench: {name} ended with {exit_code}")


def rates(bench, figure, talk, what):
    rounds, messages = (2, 100_000) if bench.args.quick else (7, 300_000)
    seconds = {name: [] for name in ("Taburet", *PEERS)}
    for _ in range(rounds):
        for name, column in seconds.items():
            column.append(converse(bench, name, talk, messages))
    rate = {name: messages / statistics.median(column) for name, column in seconds.items()}
    for peer in PEERS:
        bench.report(f"{figure}_{peer.split()[-1]}", f"{what}, beside {peer}", ">= 10 x",
                     [b / a for a, b in zip(seconds["Taburet"], seconds[peer])],
                     lambda value: value >= 10, f"{rate['Taburet']:,.0f} /s", f"{rate[peer]:,.0f} /s")


def received(bench):
    rates(bench, "received", "receive", "messages received into a pipe per second of CPU")


def sent(bench):
    rates(bench, "sent", "send", "messages sent from a pipe per second of CPU")


# ---- the time of a start ----

def echo_us(bench, name, port, runs):
    """Standard input is a pipe to which nobody writes: at its end, wscat would leave at once. The
    client may use every core, for Node starts quicker on two."""
    client = command(bench, name, "echo", f"ws://127.0.0.1:{port}")
    drive = subprocess.Popen([bench.program("drive"), "first-echo", "--rounds", str(runs), "--",
                              *client], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = drive.stdout.readline()
    drive.communicate()
    if drive.returncode != 0:
        sys.exit(f"bench: {name} did not show its echo")
    return json.loads(line)["echo_us"]


def first_echo(bench):
    rounds, runs = (2, 5) if bench.args.quick else (7, 9)
    times = {name: [] for name in ("Taburet", *PEERS)}
    with serving(bench.taburet("--echo", "--no-deflate"), DRIVER_CPU) as (_, port):
        for _ in range(rounds):
            for name, column in times.items():
                column.append(echo_us(bench, name, port, runs))
    median_ms = {name: statistics.median(column) / 1000 for name, column in times.items()}
    for peer in PEERS:
        bench.report(f"first_echo_{peer.split()[-1]}",
                     f"from the start until the first echo is written, beside {peer}",
                     ">= 20 x faster", [b / a for a, b in zip(times["Taburet"], times[peer])],
                     lambda value: value >= 20, f"{median_ms['Taburet']:.2f} ms",
                     f"{median_ms[peer]:.0f} ms")
