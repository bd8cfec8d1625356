"""A pseudo-terminal with a program in it, and what a person would see there.

Screen understands what a line editor writes to a terminal like xterm; anything else that is a
command to a terminal is kept in `unknown`, so that a test can see what came through.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

from connecting import environment
from support import LIMIT, PROGRAM, Measured, check_sanitizers

CSI = re.compile(rb"\x1b\[([<-?]?)([0-9;:]*)([ -/]*)([@-~])")
SIMPLE = {b"\x1b7", b"\x1b8", b"\x1b=", b"\x1b>", b"\x1bM", b"\x1bc"}
CHARSET = re.compile(rb"\x1b[()*+][0-9A-Za-z]")


class Screen:
    def __init__(self, rows=24, columns=80):
        self.rows, self.columns = rows, columns
        self.lines = [[" "] * columns for _ in range(rows)]
        self.scrolled = []  # lines that have left at the top
        self.row = self.column = 0
        self.bells = 0
        self.inserting = False
        self.unknown = []
        self._rest = b""

    # ---- what is seen ----

    @staticmethod
    def _text(cells):
        return "".join(cells).rstrip()

    def text(self):
        """All lines, those that scrolled away included, without empty ones at the end."""
        lines = self.scrolled + [self._text(cells) for cells in self.lines]
        while lines and not lines[-1]:
            lines.pop()
        return "\n".join(lines)

    def current(self):
        """The line in which the cursor stands."""
        return self._text(self.lines[self.row])

    # ---- bytes ----

    def feed(self, data):
        data, at = self._rest + data, 0
        while at < len(data):
            size = self._step(data, at)
            if size == 0:
                break
            at += size
        self._rest = data[at:]

    def _step(self, data, at):
        """Obeys what begins at `at`; returns its size, or 0 if it is not whole."""
        byte = data[at]
        if byte == 0x1b:
            return self._escape(data[at:at + 64])
        if byte < 0x20 or byte == 0x7f:
            self._control(byte)
            return 1
        size = 1 if byte < 0xc2 or byte > 0xf4 else 2 if byte < 0xe0 else 3 if byte < 0xf0 else 4
        if at + size > len(data):
            return 0
        try:
            char = data[at:at + size].decode()
        except UnicodeDecodeError:
            self.unknown.append(data[at:at + 1])
            return 1
        self._put(char)
        return size

    def _control(self, byte):
        if byte == 13:
            self.column = 0
        elif byte == 10:
            self._line_feed()
        elif byte == 8:
            self.column = max(min(self.column, self.columns - 1) - 1, 0)
        elif byte == 9:
            self.column = min((self.column // 8 + 1) * 8, self.columns - 1)
        elif byte == 7:
            self.bells += 1
        else:
            self.unknown.append(bytes([byte]))

    def _line_feed(self):
        if self.row + 1 < self.rows:
            self.row += 1
            return
        self.scrolled.append(self._text(self.lines.pop(0)))
        self.lines.append([" "] * self.columns)

    def _put(self, char):
        if unicodedata.category(char) in ("Cc", "Cf"):
            self.unknown.append(char.encode())
            return
        if self.column >= self.columns:
            self.column = 0
            self._line_feed()
        line = self.lines[self.row]
        if self.inserting:
            line.insert(self.column, "")
            line.pop()
        line[self.column] = char
        self.column += 1

    def _escape(self, data):
        if match := CSI.match(data):
            self._csi(*match.groups(), match.group(0))
            return match.end()
        if match := CHARSET.match(data):
            return match.end()
        if data[:2] in SIMPLE:
            return 2
        if len(data) < 32 and (len(data) == 1 or data[1:2] in b"[("):
            return 0
        self.unknown.append(data[:8])
        return 1

    def _csi(self, private, numbers, _between, final, whole):
        values = [int(n) if n.isdigit() else 0 for n in numbers.split(b";")]
        n = values[0] or 1
        line = self.lines[self.row]
        if not private and numbers == b"4" and final in b"hl":
            self.inserting = final == b"h"
        elif private or final in b"mhlr":
            pass  # colours and the other modes are not seen here
        elif final == b"C":
            self.column = min(self.column + n, self.columns - 1)
        elif final == b"D":
            self.column = max(min(self.column, self.columns - 1) - n, 0)
        elif final == b"A":
            self.row = max(self.row - n, 0)
        elif final == b"B":
            self.row = min(self.row + n, self.rows - 1)
        elif final == b"G":
            self.column = min(n, self.columns) - 1
        elif final in b"Hf":
            column = values[1] if len(values) > 1 and values[1] else 1
            self.row, self.column = min(n, self.rows) - 1, min(column, self.columns) - 1
        elif final == b"K":
            start, end = {0: (self.column, None), 1: (0, self.column + 1)}.get(values[0],
                                                                              (0, None))
            for at in range(*slice(start, end).indices(self.columns)):
                line[at] = " "
        elif final == b"J":
            for row in range(self.row + (values[0] == 0), self.rows):
                self.lines[row] = [" "] * self.columns
            if values[0] == 0:
                for at in range(self.column, self.columns):
                    line[at] = " "
            else:
                self.lines = [[" "] * self.columns for _ in range(self.rows)]
        elif final == b"P":
            del line[self.column:self.column + n]
            line += [" "] * (self.columns - len(line))
        elif final == b"@":
            line[self.column:self.column] = [" "] * n
            del line[self.columns:]
        else:
            self.unknown.append(whole)


class Terminal(Measured):
    """`taburet connect` in a pseudo-terminal of its own."""

    def __init__(self, *args, home, verb="connect", rows=24, columns=80, env=None, term="xterm"):
        self.screen = Screen(rows, columns)
        self.raw = bytearray()
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [PROGRAM, verb, *map(str, args)], stdin=self.slave, stdout=self.slave,
            stderr=self.slave, env=environment(home, **{"TERM": term} | (env or {})),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.pid = self.process.pid

    # ---- what is seen ----

    def pump(self, seconds):
        """Reads what the program writes, for that long at most; False if nothing came."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        data = os.read(self.master, 65536)
        self.raw += data
        self.screen.feed(data)
        return True

    def wait_until(self, condition, what, limit=LIMIT):
        end = time.monotonic() + limit
        while not (value := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {limit} s: {what}; on the screen:\n"
                                     f"{self.screen.text()}\n(bytes: {bytes(self.raw[-300:])!r})")
            self.pump(0.1)
        return value

    def wait_text(self, pattern, limit=LIMIT):
        """Waits until the screen (and what has scrolled away) has this."""
        return self.wait_until(lambda: re.search(pattern, self.screen.text()), f"{pattern!r}",
                               limit)

    def wait_line(self, pattern, limit=LIMIT):
        """Waits until the line with the cursor is like this."""
        return self.wait_until(lambda: re.search(pattern, self.screen.current()),
                               f"{pattern!r} where the cursor is", limit)

    # ---- the person ----

    def type(self, text):
        os.write(self.master, text if isinstance(text, bytes) else text.encode())

    def enter(self, text):
        self.type(text + "\r")

    # ---- the end ----

    def flags(self):
        return termios.tcgetattr(self.slave)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, limit=LIMIT):
        """Waits for the exit; returns its code."""
        self.wait_until(lambda: self.process.poll() is not None, "the program's end", limit)
        while self.pump(0.05):
            pass
        check_sanitizers(self.raw.decode("utf-8", "backslashreplace"))
        return self.process.returncode

    def release(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
