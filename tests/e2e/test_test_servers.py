"""Scenarios against the file's own mock, against another implementation of the same server, and
against servers that are wrong: each is caught, and the right step is blamed."""

import unittest

from connecting import WsServer
from scenarios import ARTICLE, FAILED, PASSED, ArticleServer, ScenarioCase, Tap, line_of

# The article's conversation, word by word, with a mock that is right.
STRICT = """
taburet: 1
server:
  rules:
    - when: { contains: ignore }
    - when: { contains: double }
      broadcast: ["${text} #1", "${text} #2"]
    - when: bye
      close: { code: 4001, reason: so long }
    - broadcast: ${text}
defaults:
  within: 700ms
  ignore: { regex: "^hello world [0-9]+$" }
scenarios:
  - name: one answer
    steps:
      - send: hi
      - expect: hi              # one
      - silence: 100ms          # one, and no more
  - name: two answers
    steps:
      - send: double trouble
      - expect: "double trouble #1"
      - expect: "double trouble #2"
      - silence: 100ms          # two, and no more
  - name: no answer
    steps:
      - send: please ignore me
      - silence: 100ms          # none
  - name: a close
    steps:
      - send: bye
      - expect_close: { code: 4001, reason: so long, by: server }
"""


class Article(ScenarioCase):
    def test_its_own_mock_and_another_implementation_pass_its_scenarios(self):
        out = self.assert_passes("--jobs=4", ARTICLE)
        self.assertRegex(out, r"(?m)^4 passed, 0 failed, seed \d+, \d+\.\d s$")
        server = ArticleServer()
        self.addCleanup(server.stop)
        code, scenarios, end = self.run_json("--url", server.url(), ARTICLE)
        self.assertEqual((code, end["passed"]), (PASSED, 4))
        self.assertEqual([s["runs"][0]["against"] for s in scenarios], ["server"] * 4)
        self.assertEqual(len(server.peers), 5)


class WrongServers(ScenarioCase):
    def blame(self, wrong):
        """Which scenarios fail, and in which line: {name: (line, why)}."""
        server = ArticleServer(wrong)
        self.addCleanup(server.stop)
        found = {}
        code, scenarios, end = self.run_json("--url", server.url(), self.scenarios(STRICT))
        self.assertEqual(code, FAILED if end["failed"] else PASSED)
        for scenario in scenarios:
            if scenario["result"] == "failed":
                failure = scenario["runs"][0]["failure"]
                found[scenario["name"]] = (failure["line"], failure["why"], failure["came"])
        server.stop()
        return found

    def assert_blamed(self, wrong, **expected):
        """expected: a piece of the line, of why, and what came, by the scenario's name."""
        found = self.blame(wrong)
        self.assertEqual(set(found), {name.replace("_", " ") for name in expected}, (wrong, found))
        for name, (piece, why, came) in expected.items():
            line, real_why, real_came = found[name.replace("_", " ")]
            self.assertEqual(line, line_of(STRICT, piece), (wrong, name))
            self.assertRegex(real_why, why)
            self.assertEqual([event["data"] for event in real_came], came)

    def test_one_that_answers_twice(self):
        self.assert_blamed("twice", one_answer=("one, and no more", "a message came", ["hi"]))

    def test_one_that_answers_late(self):
        self.assert_blamed(
            "late",
            one_answer=("expect: hi", "nothing came within 0.7 s", []),
            two_answers=('trouble #1"', "nothing came within 0.7 s", []))

    def test_one_that_closes_with_another_code(self):
        self.assert_blamed("code", a_close=("expect_close", "4001 was expected.*4002", []))

    def test_one_that_leaves_a_message_out(self):
        self.assert_blamed("missing",
                           two_answers=('trouble #2"', "nothing came within 0.7 s", []))

    def test_one_that_changes_the_order(self):
        self.assert_blamed("order", two_answers=('trouble #1"', "the next message is another one",
                                                 ["double trouble #2"]))

    def test_one_that_is_silent(self):
        self.assert_blamed("silent",
                           one_answer=("expect: hi", "nothing came", []),
                           two_answers=('trouble #1"', "nothing came", []))

    def test_the_right_ones_pass(self):
        self.assertEqual(self.blame(None), {})
        self.assert_passes("--jobs=4", self.scenarios(STRICT))

    def test_one_that_is_not_there_is_a_failure_before_the_first_step(self):
        server = ArticleServer()
        url = server.url()
        server.stop()
        code, scenarios, end = self.run_json("--url", url, self.scenarios(STRICT))
        self.assertEqual((code, end["failed"]), (FAILED, 4))
        failure = scenarios[0]["runs"][0]["failure"]
        self.assertEqual(failure["line"], line_of(STRICT, "name: one answer"))
        self.assertIn("refused", failure["why"])
        self.assertIsNone(failure["step"])


class Drift(ScenarioCase):
    def test_both_says_where_mock_and_server_part(self):
        path = self.scenarios(STRICT)
        cases = {"missing": ("two answers", 'trouble #2"', '"double trouble #2"', "nothing came"),
                 "code": ("a close", "expect_close", 'close 4001 "so long"', "4002"),
                 "twice": ("one answer", "one, and no more", "as expected", '"hi"')}
        for wrong, (name, piece, mock, server_said) in cases.items():
            with self.subTest(wrong):
                server = ArticleServer(wrong)
                self.addCleanup(server.stop)
                code, scenarios, end = self.run_json("--both", "--url", server.url(), path)
                self.assertEqual((code, end["differs"], end["failed"]), (FAILED, 1, 1), scenarios)
                parted = next(s for s in scenarios if s["differs"])
                self.assertEqual(parted["name"], name)
                self.assertEqual([(r["against"], r["result"]) for r in parted["runs"]],
                                 [("mock", "passed"), ("server", "failed")])
                self.assertEqual(parted["differs"]["line"], line_of(STRICT, piece))
                self.assertEqual(parted["differs"]["mock"], mock)
                self.assertIn(server_said, parted["differs"]["server"])
                server.stop()

    def test_a_mock_that_has_drifted_is_told_of_in_words(self):
        server = ArticleServer()
        self.addCleanup(server.stop)
        drifted = STRICT.replace('"${text} #2"]', '"${text} #3"]')
        out = self.assert_fails("--both", "--url", server.url(), self.scenarios(drifted))
        self.assertRegex(out, r"(?m)^FAIL two answers \(mock failed, \d+ ms; server passed, ")
        self.assertRegex(out, rf"they part at .*:{line_of(drifted, 'trouble #2')}: - expect: ")
        self.assertRegex(out, r'the mock:   "double trouble #3": the next message is another one')
        self.assertRegex(out, r'the server: "double trouble #2"')
        self.assertIn("\nmock: 3 passed, 1 failed\nserver: 4 passed, 0 failed\n"
                      "3 passed, 1 failed, 1 differs, seed ", out)

    def test_both_sees_where_two_that_pass_are_not_alike(self):
        path = self.scenarios("""
taburet: 1
server: { rules: [ { when: two, reply: [one, two] }, { reply: '{"ok":true,"v":1}' } ] }
scenarios:
  - { name: more, steps: [ { send: two }, { await: one }, { wait: 300ms } ] }
  - name: other values
    steps:
      - send: x
      - await: { json: { $.ok: true } }
""")

        async def answer(ws, peer):
            async for text in ws:
                await ws.send("one" if text == "two" else '{"ok":true,"v":2,"extra":[1]}')
        server = WsServer(answer)
        self.addCleanup(server.stop)
        args = ("--both", "--url", server.url(), path)
        code, (more, other), end = self.run_json(*args)
        self.assertEqual((code, end["differs"], end["passed"]), (PASSED, 1, 2))
        self.assertEqual((more["differs"]["line"], more["differs"]["mock"], more["notes"]),
                         (5, "1 message came that no step looked at", []))
        self.assertIsNone(other["differs"])
        self.assertEqual(other["notes"], [{
            "line": 9, "client": "client", "mock": '"{"ok":true,"v":1}"',
            "server": '"{"ok":true,"v":2,"extra":[1]}"'}])
        out = self.assert_passes(*args)
        self.assertRegex(out, r"     they part at .*:5: .*\n.*\n +the server: every message was")
        self.assertRegex(out, r"\n     both pass, but at .*:9 the mock said .*, the server said ")
        self.assertRegex(self.assert_passes("-q", *args), r"^ok   more .*\n     they part at ")
        tap = Tap(self.assert_passes("--tap", *args))
        self.assertEqual([point[4].keys() for point in tap.points], [{"differs"}, {"notes"}])

    def test_what_only_a_mock_can_answer_is_left_out_against_a_server(self):
        path = self.scenarios(STRICT + """
  - name: what was received
    steps:
      - send: hi
      - verify: { received: hi, times: 1 }
""")
        server = ArticleServer()
        self.addCleanup(server.stop)
        code, (_, scenario), end = self.run_json("--url", server.url(), "--filter",
                                                 "received|two", path)
        self.assertEqual((code, end["skipped"]), (PASSED, 1))
        self.assertEqual((scenario["result"], scenario["skip"]),
                         ("skipped", "'verify' is for the file's own mock"))
        code, (scenario,), end = self.run_json("--both", "--url", server.url(), "--filter",
                                               "received", path)
        self.assertEqual((code, scenario["result"], scenario["differs"]), (PASSED, "passed", None))


if __name__ == "__main__":
    unittest.main()
