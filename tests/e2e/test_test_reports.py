"""What `taburet test` tells: for a person, in TAP, in JUnit's XML, in JSON; whatever stands in names
and messages."""

import json
import re
import signal
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from connecting import say
from scenarios import ECHO, FAILED, PASSED, ScenarioCase, Tap, line_of
from screen import Terminal
from support import LIMIT, PROGRAM

# What a report could trip over.
NASTY = ("\x1b[31m \x07 \x9b ]]> <a b='c'> & \" \\ # - \u202e \u2028 é 漢 😀 \t \r\n ok 1 "
         "${x} %s %n ---")

# Controls, C1 and bidirectional marks among them, that no terminal may get.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def quoted(text):
    """A scalar of YAML."""
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


def nasty_file():
    template = NASTY.replace("${", "$${")
    return f"""
taburet: 1
server:
  rules:
    - reply: {quoted(template + "!")}
scenarios:
  - name: {quoted(NASTY)}
    clients: [a, b]
    steps:
      - log: {quoted(template)}
      - {{ as: a, send: {quoted(template)} }}
      - {{ as: a, expect: {quoted(template)} }}
  - name: {quoted("also " + NASTY)}
    skip: {quoted(NASTY)}
    steps: [ wait: 1ms ]
"""


class Text(ScenarioCase):
    def test_a_failure_says_where_what_was_awaited_what_came_and_the_conversation(self):
        path = self.scenarios(ECHO.replace("- expect: hello you", "- await: hello you"))
        out = self.assert_fails("--filter=bad", path)
        line = line_of(ECHO, "expect: hello you")
        found = re.sub(r"0\.\d\d\d s", "T s", re.sub(r":\d+/", ":PORT/", out)).split("\n")
        self.assertEqual([line.rstrip() for line in found[1:-2]], [
            f"     {path}:{line}: - await: hello you",
            "     1 message came within 0.2 s, and it is not the one",
            '     awaited  the text "hello you"',
            '     came     "hello there"',
            '     but      it is "hello there", not "hello you"',
            "     differs  - what was awaited, + what came:",
            "              - hello you",
            "              + hello there",
            found[9].rstrip(),
            "     the conversation:",
            '       T s  * open "ws://127.0.0.1:PORT/"',
            '       T s  → "hello there"',
            '       T s  ← "hello there"'])
        self.assertEqual(found[9].strip(), "^")

    def test_what_the_mock_has_no_rule_for_is_told(self):
        path = self.scenarios("""
taburet: 1
server: { rules: [ { when: { json: { $.type: subscribe } }, reply: yes } ] }
scenarios:
  - name: a
    clients: [a, b]
    steps: [ { as: b, send: '{"type":"sub"}' }, { as: b, expect: yes, within: 100ms } ]
""")
        out = self.assert_fails(path)
        self.assertIn("     b: nothing came within 0.1 s\n", out)
        self.assertRegex(out, r'the mock said:\n.*no rule takes .*\$\.type is "sub", not '
                              r'"subscribe"')
        self.assertRegex(out, r's  b → "')

    def test_verbose_shows_steps_and_quiet_only_what_fails(self):
        path = self.scenarios(ECHO)
        out = self.assert_fails("-v", path)
        self.assertRegex(out, r'     send "\$\{word\}"\n     expect the text "hi"\nok   good one ')
        self.assertRegex(out, r"\nskip left out \(not today\)\n")
        out = self.assert_fails("--quiet", path)
        self.assertRegex(out, r"^FAIL bad one ")
        self.assertNotIn("good", out)
        self.assertRegex(out, r"\n2 passed, 1 failed, 1 skipped, ")

    def test_nothing_hostile_reaches_a_terminal(self):
        text = nasty_file()
        for args in ((), ("-v",), ("--tap", "-v"), ("--color=never",)):
            out = self.assert_fails(*args, self.scenarios(text))
            self.assertNotRegex(out, UNSAFE)

    def test_colour_only_where_it_is_wanted(self):
        path = self.scenarios(ECHO)
        self.assertNotIn("\x1b", self.assert_fails(path))
        self.assertIn("\x1b[32mok  \x1b[0m good one", self.assert_fails("--color=always", path))

    def test_in_a_terminal_what_runs_stands_on_the_last_line(self):
        async def wait(ws, peer):
            await ws.recv()
            await released.wait()
        path = self.scenarios("""
taburet: 1
server: { rules: [ { when: never } ] }
scenarios:
  - { name: first, steps: [ wait: 1ms ] }
  - { name: second, steps: [ wait: 60s ] }
""")
        terminal = Terminal(str(path), verb="test", home=self.home)
        self.addCleanup(terminal.release)
        terminal.wait_line(r"1/2 second")
        self.assertRegex(terminal.screen.text(), r"^ok   first \(\d+ ms\)\n     1/2 second$")
        terminal.signal(signal.SIGINT)
        self.assertEqual(terminal.wait(), 130)
        self.assertRegex(terminal.screen.text(),
                         r"first.*\nFAIL second \(\d+ ms\)\n(.*\n)*1 passed, 1 failed, interrupted")
        self.assertEqual(terminal.screen.unknown, [])


class Machines(ScenarioCase):
    def test_tap(self):
        path = self.scenarios(ECHO)
        tap = Tap(self.assert_fails("--tap", "--repeat=2", "--jobs=3", path))
        self.assertEqual(tap.plan, 8)
        self.assertEqual([(ok, number, name) for ok, number, name, *_ in tap.points[:4]],
                         [(True, 1, "good one (run 1 of 2)"), (False, 2, "bad one (run 1 of 2)"),
                          (True, 3, "left out (run 1 of 2)"), (True, 4, "good two (run 1 of 2)")])
        self.assertEqual(len(tap.points), 8)
        self.assertEqual(tap.points[2][3], "not today")
        failure, = tap.points[1][4]["failures"]
        self.assertEqual(failure["line"], line_of(ECHO, "expect: hello you"))
        self.assertEqual(failure["came"], ['"hello there"'])
        self.assertEqual(failure["source"], "- expect: hello you")
        tap = Tap(self.assert_fails("--tap", "--fail-fast", path))
        self.assertEqual((len(tap.points), tap.plan), (2, 4))
        self.assertIn("--fail-fast", tap.bail)

    def test_tap_with_a_nasty_name(self):
        text = nasty_file()
        tap = Tap(self.assert_fails("--tap", self.scenarios(text)))
        self.assertEqual([(ok, number) for ok, number, *_ in tap.points], [(False, 1), (True, 2)])
        self.assertIn("ok 1", tap.points[0][2])
        self.assertIn("# - ", tap.points[0][2])
        self.assertIn("ok 1", tap.points[1][3])
        self.assertIn("漢", tap.points[0][4]["failures"][0]["came"][0])

    def junit(self, code, *args):
        report = self.home / "report.xml"
        self.assertEqual(self.run_test("--junit", report, *args).code, code)
        subprocess.run(["xmllint", "--noout", "--nonet", str(report)], check=True, timeout=LIMIT)
        self.assertNotRegex(report.read_text(), UNSAFE)
        return ElementTree.parse(report).getroot()

    def test_junit(self):
        one, two = self.scenarios(ECHO, "one.yaml"), self.scenarios(ECHO, "two.yaml")
        root = self.junit(FAILED, "--seed=5", one, two)
        self.assertEqual((root.tag, root.get("tests"), root.get("failures")),
                         ("testsuites", "8", "2"))
        suite = root.findall("testsuite")[1]
        self.assertEqual([suite.get(name) for name in
                          ("name", "tests", "failures", "errors", "skipped")],
                         [str(two), "4", "1", "0", "1"])
        self.assertEqual(suite.find("properties/property").attrib, {"name": "seed", "value": "5"})
        cases = suite.findall("testcase")
        self.assertEqual([case.get("name") for case in cases],
                         ["good one", "bad one", "left out", "good two"])
        self.assertTrue(all(case.get("classname") == str(two) and float(case.get("time")) >= 0
                            for case in cases))
        failure = cases[1].find("failure")
        self.assertEqual(failure.get("message"),
                         f"{two}:{line_of(ECHO, 'expect: hello you')}: the next message is another "
                         "one")
        self.assertIn('awaited  the text "hello you"', failure.text)
        self.assertEqual(cases[2].find("skipped").get("message"), "not today")
        self.assertEqual(len(cases[0]), 0)

    def test_junit_has_what_was_not_run(self):
        cases = self.junit(FAILED, "--fail-fast", self.scenarios(ECHO)).findall(
            "testsuite/testcase")
        self.assertEqual([case.get("name") for case in cases],
                         ["good one", "bad one", "left out", "good two"])
        for case in cases[2:]:
            self.assertEqual(case.find("skipped").get("message"),
                             "not run: stopped at the first failure (--fail-fast)")

    def test_junit_takes_the_place_of_an_earlier_report_at_the_end(self):
        report, link = self.home / "report.xml", self.home / "link.xml"
        report.write_text("earlier")
        report.chmod(0o640)
        path = self.scenarios("taburet: 1\nserver: { rules: [ { at: connect, reply: seen } ] }\n"
                              "scenarios: [ { name: it, steps: [ expect: seen, log: under way, "
                              "wait: 60s ] } ]\n")
        before = set(self.home.iterdir())
        process = subprocess.Popen([PROGRAM, "test", "--junit", report, path],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, LIMIT)
        self.addCleanup(process.kill)
        self.assertIn(b"under way", process.stdout.readline())
        self.assertEqual(report.read_text(), "earlier")
        process.kill()
        process.wait(LIMIT)
        self.assertEqual((report.read_text(), set(self.home.iterdir())), ("earlier", before))
        self.junit(FAILED, self.scenarios(ECHO))
        self.assertEqual(report.stat().st_mode & 0o777, 0o640)
        link.symlink_to(report)
        self.assertEqual(self.run_test("--junit", link, "--filter=good", path).code, PASSED)
        self.assertTrue(link.is_symlink())
        self.assertEqual(ElementTree.parse(report).getroot().get("failures"), "0")

    def test_junit_with_a_nasty_name(self):
        text = nasty_file()
        root = self.junit(FAILED, self.scenarios(text))
        case, skipped = root.findall("testsuite/testcase")
        self.assertEqual(case.get("name"), re.sub("[\x07\x1b]", "\ufffd", NASTY))
        self.assertEqual(skipped.find("skipped").get("message"),
                         re.sub("[\x07\x1b]", "\ufffd", NASTY))

    def test_json(self):
        code, scenarios, end = self.run_json("--seed=9", self.scenarios(ECHO))
        self.assertEqual(code, FAILED)
        self.assertEqual({name: end[name] for name in
                          ("passed", "failed", "skipped", "not_run", "differs", "stopped", "seed")},
                         {"passed": 2, "failed": 1, "skipped": 1, "not_run": 0, "differs": 0,
                          "stopped": None, "seed": 9})
        good, bad, left_out, _ = scenarios
        self.assertEqual((good["name"], good["line"], good["round"], good["result"]),
                         ("good one", line_of(ECHO, "name: good one"), 1, "passed"))
        self.assertEqual((left_out["result"], left_out["skip"], left_out["runs"]),
                         ("skipped", "not today", []))
        run, = bad["runs"]
        failure = run["failure"]
        self.assertEqual((failure["line"], failure["step"], failure["client"]),
                         (line_of(ECHO, "expect: hello you"), 'expect the text "hello you"',
                          "client"))
        self.assertEqual(failure["nearest"]["index"], 0)
        self.assertEqual([(e["ev"], e["from"], e["data"]) for e in run["conversation"][1:]],
                         [("message", "client", "hello there"), ("message", "server", "hello there")])

    def test_json_with_nasty_text_and_bytes_and_steps(self):
        text = nasty_file()
        done = self.run_test("-v", "--output-format=json", self.scenarios(text))
        lines = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual([line["ev"] for line in lines],
                         ["begin", "step", "log", "step", "step", "scenario", "scenario", "end"])
        self.assertEqual(lines[2]["text"], NASTY)
        scenario = lines[5]
        self.assertEqual(scenario["name"], NASTY)
        failure = scenario["runs"][0]["failure"]
        self.assertEqual(failure["came"][0]["data"], NASTY + "!")
        server = self.ws_server(say(b"\xff\x00\xfe"))
        path = self.scenarios("taburet: 1\nscenarios: [ { name: a, steps: [ expect: x ] } ]\n")
        _, (scenario,), _ = self.run_json("--url", server.url(), path)
        came, = scenario["runs"][0]["failure"]["came"]
        self.assertEqual((came["type"], came["base64"], came["size"]), ("binary", "/wD+", 3))


if __name__ == "__main__":
    unittest.main()
