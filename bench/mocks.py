"""mocks.py - what a file costs: rules beside no rules, many of them beside few, and scenarios.

Where rules are compared, one client sends bursts of messages over a plain socket, each burst in one
write, and compares every byte that comes back with what must. The server's CPU time is counted.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time

from clients import cpu_seconds_so_far
from programs import serving

MANY, FEW, BURST = 1000, 10, 64
ECHO = "    - reply: ${text}\n"
TEXT = "00000000-00000000000" + "x" * 44
JSON = '{"type":"order","id":4711,"user":{"name":"x"},"items":[1,2,3]}'
LARGE_JSON = JSON[:-1] + ',"rest":[' + ",".join(['{"a":1,"b":[true,null]}'] * 700) + "]}"

# By kind: in words; a matcher by its number, of rules that do not take the message; one that takes
# it; the message.
KINDS = {
    "contains": ("contains rules", lambda i: f"{{ contains: x{i:04x}x }}", "{ contains: -0000 }",
                 TEXT),
    "exact": ("exact rules", lambda i: f'"{i:020}{"x" * 44}"', f'"{TEXT}"', TEXT),
    "regex": ("regex rules", lambda i: f'{{ regex: "^order {i} (?<what>[a-z]+)$" }}',
              '{ regex: "^0000[0-9]+-(?<what>[0-9]+)x+$" }', TEXT),
    "regex_alone": ("regex rules without a literal",
                    lambda i: f'{{ regex: "^[a-f]+[0-9]{{{i % 50 + 1}}}x" }}',
                    '{ regex: "^[0-9]+.[0-9]+x" }', TEXT),
    "json": ("JSON rules", lambda i: f'{{ json: {{ $.type: "order {i}" }} }}',
             '{ json: { $.type: order, $.id: 4711 } }', JSON),
    "large_json": (f"JSON rules and {len(LARGE_JSON) // 1024} KiB",
                   lambda i: f'{{ json: {{ $.type: "order {i}" }} }}',
                   '{ json: { $.type: order, $.id: 4711 } }', LARGE_JSON),
}
SOUGHT = ("contains", "exact", "regex")  # in one pass, for all rules at once


@contextlib.contextmanager
def written(text):
    """A file with the text, while it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mock.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        yield path


# ---- an echo ----

def echo(bench):
    seconds = 0.5 if bench.args.quick else 1
    rounds = 3 if bench.args.quick else 9
    with written("taburet: 1\nserver:\n  rules:\n" + ECHO) as path:
        for name, what, limit, depth, size in (
                ("mock_echo", "CPU per 20-byte echo through a file's rule, beside --echo", 1.25, 1,
                 20),
                ("mock_pipelined", "the same, 16 deep", 1.25, 16, 20),
                ("mock_large", "CPU per 64 KiB echo through a file's rule, beside --echo", 1.25, 1,
                 65536)):
            pairs = bench.pairs(rounds, bench.taburet(path), bench.taburet("--echo"), "echo",
                                "cpu_ns_per_message", "--clients", 100, "--depth", depth, "--size",
                                size, "--seconds", seconds)
            bench.ratios(name, what, limit, pairs)


# ---- rules ----

def frame(text, key=b"\xa7\x3c\x51\xe9"):
    """A masked text; without a key, as a server sends it."""
    data = text.encode()
    masked = 0x80 if key else 0
    head = (bytes([0x81, masked | len(data)]) if len(data) < 126 else
            bytes([0x81, masked | 126]) + len(data).to_bytes(2, "big"))
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(data)) if key else head + data


def upgraded(port):
    client = socket.create_connection(("127.0.0.1", int(port)))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                   b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    if b" 101 " not in head:
        sys.exit(f"bench: no upgrade: {head!r}")
    return client


def exchange(client, burst, answer, rounds):
    buffer = bytearray(len(answer))
    view = memoryview(buffer)
    for _ in range(rounds):
        client.sendall(burst)
        got = 0
        while got < len(answer):
            n = client.recv_into(view[got:])
            if n == 0:
                sys.exit("bench: the mock ended the connection")
            got += n
        if buffer != answer:
            sys.exit("bench: the mock answered with something else than it was sent")


def rule(matcher):
    return f"    - when: {matcher}\n      reply: ${{text}}\n"


def rules_file(kind, count, case):
    """`last`: the last rule takes the message. `none`: no rule with a matcher does, and one without
    answers. `silent`: nothing takes it, and the burst's last message is another, which is answered.
    """
    _, miss, hit, _ = KINDS[kind]
    misses = [rule(miss(i)) for i in range(count)]
    if case == "last":
        misses[-1] = rule(hit)
    elif case == "none":
        misses.append(ECHO)
    else:
        misses.append(rule("done"))
    return "taburet: 1\nserver:\n  rules:\n" + "".join(misses)


def cost(bench, path, kind, case):
    """Nanoseconds of the server's CPU a message. What nobody takes is told, so not with -q."""
    message = KINDS[kind][3]
    texts = [message] * BURST
    if case == "silent":
        texts[-1] = "done"
    burst = b"".join(map(frame, texts))
    answer = b"".join(frame(text, b"") for text in (texts[-1:] if case == "silent" else texts))
    rounds = (1000 if bench.args.quick else 5000) if kind in SOUGHT else \
             (50 if bench.args.quick else 200)
    command = [bench.args.taburet, "serve", "--no-deflate", "--port", "0", path]
    with serving(command) as (server, port), upgraded(port) as client:
        exchange(client, burst, answer, rounds // 10)
        before = cpu_seconds_so_far(server.pid)
        exchange(client, burst, answer, rounds)
        return (cpu_seconds_so_far(server.pid) - before) * 1e9 / (rounds * BURST)


def compare(bench, kind, case):
    """(1,000 rules, 10 rules) of each turn."""
    turns = 3 if bench.args.quick else 7
    with written(rules_file(kind, MANY, case)) as many, \
            written(rules_file(kind, FEW, case)) as few:
        return [(cost(bench, many, kind, case), cost(bench, few, kind, case))
                for _ in range(turns)]


def worst(bench, kind, cases):
    def ratio(pairs):
        return sorted(a / b for a, b in pairs)[len(pairs) // 2]
    return max(((compare(bench, kind, case), case) for case in cases),
               key=lambda found: ratio(found[0]))


def rules(bench):
    words = {"last": "the last takes it", "none": "none takes it", "silent": "nobody answers"}
    for kind, (what, *_) in KINDS.items():
        pairs, case = worst(bench, kind, words if kind in SOUGHT else ("last",))
        bench.ratios("rules_" + kind, f"CPU per message, 1,000 {what}, beside 10 ({words[case]})",
                     3 if kind in SOUGHT else None, pairs)


# ---- scenarios ----

def scenarios_file(count):
    one = ("  - name: scenario {0}\n    steps:\n      - send: hello {0}\n"
           "      - expect: hello {0}\n")
    return ("taburet: 1\nserver:\n  rules:\n" + ECHO + "scenarios:\n" +
            "".join(one.format(i) for i in range(count)))


def scenarios(bench):
    """By the clock, on every core; a run that fails fails the benchmark."""
    seconds = []
    with written(scenarios_file(1000)) as path:
        for _ in range(2 if bench.args.quick else 5):
            begin = time.monotonic()
            done = subprocess.run([bench.args.taburet, "test", path], stdout=subprocess.DEVNULL,
                                  timeout=120)
            seconds.append(time.monotonic() - begin)
            if done.returncode != 0:
                sys.exit(f"bench: the scenarios ended with {done.returncode}")
    bench.seconds("scenarios", "1,000 scenarios that do not wait, by the clock", 5, seconds)
