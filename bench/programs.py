"""programs.py - starting what is measured: each program on its own core, the servers until they
say where they listen."""

import contextlib
import os
import re
import signal
import subprocess
import sys

TESTED_CPU, DRIVER_CPU = 0, 1  # the program under test; whoever loads it, or whom it talks to


def pin(cpu):
    cpus = os.sched_getaffinity(0)
    return lambda: os.sched_setaffinity(0, {cpu} if cpu in cpus else cpus)


@contextlib.contextmanager
def serving(command, cpu=TESTED_CPU, **streams):
    """A server, as the process and its port; it is ended if it has not ended by itself."""
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin(cpu),
                              **streams)
    try:
        line = server.stdout.readline()
        port = re.search(r"listening on ws://[^ ]*:(\d+)", line)
        if port is None:
            sys.exit(f"bench: {command[0]} did not say where it listens: {line!r}")
        yield server, port.group(1)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()
