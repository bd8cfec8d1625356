"""What the tests of `taburet test` stand on: scenario files, the program run on them, what its
reports say, and the article's server once more, written with Python's websockets: right, or wrong
in a way that a test has chosen.
"""

import asyncio
import json
import pathlib
import re
import subprocess

import yaml

from connecting import ConnectCase, WsServer
from support import LIMIT, ROOT

ARTICLE = ROOT / "examples" / "article.yaml"
PASSED, USAGE, BAD_URL, NO_OUTPUT, TIMED_OUT, FAILED, INTERRUPTED = 0, 2, 3, 23, 28, 103, 130

# An echo, and what passes and fails against it.
ECHO = """
taburet: 1
vars: { word: hi }
server:
  rules:
    - when: { contains: nothing }
    - reply: ${text}
defaults: { within: 200ms }
scenarios:
  - name: good one
    steps:
      - send: ${word}
      - expect: hi
  - name: bad one
    steps:
      - send: hello there
      - expect: hello you
  - name: left out
    skip: not today
    steps:
      - send: hi
  - name: good two
    steps:
      - send: [hi, ho]
      - expect: hi
"""


class ScenarioCase(ConnectCase):
    def scenarios(self, text, name="file.yaml"):
        return self.file(name, text)

    def start_test(self, *args, **settings):
        """The program, kept running."""
        settings = {"stdin": subprocess.DEVNULL} | settings
        return self.connect(*args, verb="test", **settings)

    def run_test(self, *args, limit=LIMIT, **settings):
        return self.start_test(*args, **settings).wait(limit)

    def run_json(self, *args, **settings):
        """The exit code, the lines of the scenarios, and the last line."""
        done = self.run_test("--output-format=json", *args, **settings)
        lines = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual(lines[0]["ev"], "begin", done)
        self.assertEqual(lines[-1]["ev"], "end", done)
        return done.code, [line for line in lines if line["ev"] == "scenario"], lines[-1]

    def assert_passes(self, *args, **settings):
        done = self.run_test(*args, **settings)
        self.assertEqual(done.code, PASSED, f"{done}\n{done.out.decode(errors='replace')}")
        return done.out.decode()

    def assert_fails(self, *args, **settings):
        done = self.run_test(*args, **settings)
        self.assertEqual(done.code, FAILED, f"{done}\n{done.out.decode(errors='replace')}")
        return done.out.decode()


def line_of(text, piece):
    """The number of the only line with that in it."""
    found = [i + 1 for i, line in enumerate(text.splitlines()) if piece in line]
    assert len(found) == 1, (piece, found)
    return found[0]


# ---- TAP ----

class Tap:
    """What a consumer makes of TAP 14."""

    LINE = re.compile(r"^(not )?ok (\d+) - ((?:[^\\#]|\\.)*?)(?: # SKIP (.*))?$")

    def __init__(self, text):
        lines = text.split("\n")
        assert lines[0] == "TAP version 14", lines[0]
        assert lines.pop() == "", "no newline at the end"
        self.plan = int(re.fullmatch(r"1\.\.(\d+)", lines[1]).group(1))
        self.points = []  # (ok, number, name, skip, diagnostics)
        self.bail = None
        self.comments = []
        lines = iter(lines[2:])
        for line in lines:
            self._take(line, lines)

    def _take(self, line, lines):
        if line.startswith("#"):
            self.comments.append(line[1:].strip())
        elif line.startswith("Bail out!"):
            self.bail = line[9:].strip()
        elif line == "  ---":
            block = []
            while (line := next(lines)) != "  ...":
                assert line.startswith("  "), line
                block.append(line[2:])
            self.points[-1][4].update(yaml.safe_load("\n".join(block)))
        else:
            point = self.LINE.match(line)
            assert point, line
            name = re.sub(r"\\(.)", r"\1", point.group(3))
            self.points.append((point.group(1) is None, int(point.group(2)), name, point.group(4),
                                {}))


# ---- the article's server once more ----

class ArticleServer(WsServer):
    """Request and response, two responses, none, and a message that nobody has asked for; all to
    everybody. `wrong` is one of: twice, late, code, missing, order, silent."""

    def __init__(self, wrong=None, period=0.1):
        self.wrong = wrong
        self.period = period
        self.everybody = set()
        super().__init__(self._serve)

    def answers(self, text):
        if self.wrong == "silent" or "ignore" in text:
            return []
        if "double" not in text:
            return [text, text] if self.wrong == "twice" else [text]
        answers = [f"{text} #1", f"{text} #2"]
        if self.wrong == "missing":
            answers.pop()
        return answers[::-1] if self.wrong == "order" else answers

    async def _say(self, text):
        await asyncio.gather(*(ws.send(text) for ws in self.everybody), return_exceptions=True)

    async def _tick(self):
        number = 0
        while True:
            await asyncio.sleep(self.period)
            await self._say(f"hello world {number}")
            number += 1

    async def _serve(self, ws, peer):
        self.everybody.add(ws)
        if len(self.everybody) == 1 and not hasattr(self, "clock"):
            self.clock = asyncio.ensure_future(self._tick())
        try:
            async for text in ws:
                if text == "bye":
                    await ws.close(4002 if self.wrong == "code" else 4001, "so long")
                    return
                for answer in self.answers(text):
                    if self.wrong == "late":
                        await asyncio.sleep(1)
                        await ws.send(answer)
                    else:
                        await self._say(answer)
        finally:
            self.everybody.discard(ws)


def recordings(folder):
    return {path.name: [json.loads(line) for line in path.read_text().splitlines()]
            for path in pathlib.Path(folder).iterdir()}
