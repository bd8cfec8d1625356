"""What `taburet test` runs, how often, how many at once, and how it ends: each option and each exit
code."""

import asyncio
import json
import signal
import time
import unittest

from certificates import serving
from connecting import WsServer, listen
from scenarios import (BAD_URL, ECHO, FAILED, INTERRUPTED, NO_OUTPUT, PASSED, TIMED_OUT, USAGE,
                       ScenarioCase, line_of, recordings)
from support import LIMIT, SCALE, limit_descriptors, make_certificate, run_program


class Choosing(ScenarioCase):
    def names(self, *args):
        return [s["name"] for s in self.run_json(*args)[1]]

    def test_filter_is_a_regular_expression_and_never_a_quiet_success(self):
        path = self.scenarios(ECHO)
        self.assertEqual(self.names("--filter", "^good", path), ["good one", "good two"])
        self.assertEqual(self.names("--filter=o(ne|t)", path), ["good one", "bad one"])
        self.assert_error(self.run_test("--filter", "nobody", path), USAGE, "'nobody'.*--filter")
        self.assert_error(self.run_test("--filter", "(", path), USAGE, "--filter")
        self.assert_error(self.run_test(self.scenarios("taburet: 1\n", "none.yaml")), USAGE,
                          "none.yaml: there are no scenarios")

    def test_repeat_runs_everything_again_and_the_seed_has_it_again(self):
        path = self.scenarios("""
taburet: 1
server: { rules: [ { when: go, reply: "${random(0,1000000)}" } ] }
scenarios:
  - name: chance
    steps:
      - send: go
      - expect: { regex: '^(?<got>.*)$' }
      - check: ${got} == ${random(0,1000000)}
""")
        code, scenarios, end = self.run_json("--repeat=3", "--jobs=2", path)
        self.assertEqual((code, [s["round"] for s in scenarios]), (FAILED, [1, 2, 3]))
        whys = [s["runs"][0]["failure"]["why"] for s in scenarios]
        self.assertEqual(len(set(whys)), 3)
        again = self.run_json("--repeat=3", "--seed", end["seed"], path)
        self.assertEqual([s["runs"][0]["failure"]["why"] for s in again[1]], whys)
        self.assertEqual(again[2]["seed"], end["seed"])
        out = self.assert_fails("--repeat=2", "--seed=7", path)
        self.assertRegex(out, r"FAIL chance \(run 1 of 2\) \((?s:.*)FAIL chance \(run 2 of 2\) ")
        self.assertRegex(out, r"0 passed, 2 failed, seed 7, ")

    def test_each_run_has_a_fresh_mock(self):
        path = self.scenarios("""
taburet: 1
server: { rules: [ reply: "${n}" ] }
scenarios:
  - { name: a, steps: [ { send: x }, { expect: "0" }, { send: x }, { expect: "1" } ] }
  - { name: b, steps: [ { send: x }, { expect: "0" } ] }
""")
        self.assert_passes("--repeat=3", path)

    def test_fail_fast_begins_no_other_one(self):
        code, scenarios, end = self.run_json("--fail-fast", self.scenarios(ECHO))
        self.assertEqual((code, [s["name"] for s in scenarios]), (FAILED, ["good one", "bad one"]))
        self.assertEqual((end["failed"], end["not_run"]), (1, 2))
        self.assertIn("--fail-fast", end["stopped"])

    def test_var_stands_for_the_files_own(self):
        path = self.scenarios(ECHO)
        code, _, end = self.run_json("--filter=one", "--var", "word=hello", path)
        self.assertEqual((code, end["failed"]), (FAILED, 2))
        self.assert_error(self.run_test("--var", "wrod=x", path), USAGE, "wrod", "word")

    def test_several_files_are_told_apart_and_run_in_their_order(self):
        one, two = self.scenarios(ECHO, "one.yaml"), self.scenarios(ECHO, "two.yaml")
        out = self.assert_fails("--filter=one", two, one)
        self.assertEqual([line.split("/")[-1].split(" (")[0] for line in out.splitlines()
                          if line.startswith(("ok", "FAIL"))],
                         ["two.yaml: good one", "two.yaml: bad one", "one.yaml: good one",
                          "one.yaml: bad one"])


class Jobs(ScenarioCase):
    def test_they_run_side_by_side_and_are_reported_in_order(self):
        """Each waits until the server has seen all of them."""
        text = "taburet: 1\nscenarios:\n" + "".join(
            f"  - name: w{i}\n    steps:\n      - send: w{i}\n"
            "      - await: { text: go, within: 20s }\n" for i in range(4))

        async def wait_for_all(ws, peer):
            clients.add(ws)
            if len(clients) == 4:
                for other in clients:
                    await other.send("go")
            await listen(ws, peer)
        clients = set()
        server = self.ws_server(wait_for_all)
        out = self.assert_passes("--jobs=4", "--url", server.url(), self.scenarios(text))
        self.assertEqual([line.split()[1] for line in out.splitlines()[:4]],
                         ["w0", "w1", "w2", "w3"])
        self.assertEqual(len(server.peers), 4)

    def test_one_after_the_other_without(self):
        text = "taburet: 1\nscenarios:\n" + "".join(
            f"  - {{ name: w{i}, steps: [ {{ await: go }} ] }}\n" for i in range(4))
        waiting, seen = set(), []

        async def let_wait(ws, peer):
            waiting.add(ws)
            await asyncio.sleep(0.05)
            seen.append(len(waiting))
            waiting.discard(ws)
            await ws.send("go")
            await listen(ws, peer)
        server = self.ws_server(let_wait)
        self.assert_passes("--url", server.url(), self.scenarios(text))
        self.assertEqual(seen, [1, 1, 1, 1])


    def test_a_thousand_that_do_not_wait_take_no_time(self):
        text = "taburet: 1\nserver: { rules: [ reply: '${text}' ] }\nscenarios:\n" + "".join(
            f"  - {{ name: s{i}, steps: [ {{ send: t{i} }}, {{ expect: t{i} }} ] }}\n"
            for i in range(1000))
        began = time.monotonic()
        out = self.assert_passes("--quiet", self.scenarios(text), limit=6 * LIMIT)
        self.assertLess(time.monotonic() - began, 5 * SCALE)
        self.assertRegex(out, r"^1000 passed, 0 failed, ")


class Targets(ScenarioCase):
    def test_where_it_says_nothing_of_a_server_it_does_not_guess(self):
        path = self.scenarios("taburet: 1\nscenarios: [ { name: a, steps: [ wait: 1ms ] } ]\n")
        self.assert_error(self.run_test(path), USAGE, "file.yaml.*no 'server'.*--url")
        self.assert_error(self.run_test("--mock", path), USAGE, "no mock")
        self.assert_error(self.run_test("--both", "--url=ws://127.0.0.1:9/", path), USAGE,
                          "no mock")
        self.assert_error(self.run_test("--both", self.scenarios(ECHO)), USAGE, "--url")
        self.assert_error(self.run_test("--mock", "--url=ws://127.0.0.1:9/", path), USAGE,
                          "--mock.*--url")

    def test_the_files_url_is_used_unless_mock_is_said(self):
        server = self.ws_server()
        path = self.scenarios(ECHO.replace("defaults: {",
                                           f"defaults: {{ url: '{server.url('/base')}',"))
        self.assertEqual(self.run_json("--filter=good one", path)[0], PASSED)
        self.assertEqual([peer.path for peer in server.peers], ["/base"])
        code, (scenario,), _ = self.run_json("--mock", "--filter=good one", path)
        self.assertEqual((code, scenario["runs"][0]["against"]), (PASSED, "mock"))
        self.assertEqual(len(server.peers), 1)
        code, (scenario,), _ = self.run_json("--both", "--filter=good one", path)
        self.assertEqual([run["against"] for run in scenario["runs"]], ["mock", "server"])

    def test_a_path_of_the_file_takes_the_place_of_the_urls_own(self):
        server = self.ws_server()
        path = self.scenarios("""
taburet: 1
defaults: { url: "ws://example.com/default" }
scenarios:
  - { name: none, steps: [ wait: 1ms ] }
  - { name: path, steps: [ connect: /room ] }
  - { name: whole, url: "ws://example.com/whole?x", steps: [ wait: 1ms ] }
""")
        self.assert_passes("--url", server.url("/chat?k=1"), path)
        self.assertEqual([peer.path for peer in server.peers], ["/chat?k=1", "/room", "/whole?x"])

    def test_headers_and_protocols_are_added_and_the_command_line_wins(self):
        server = self.ws_server(subprotocols=["a", "b"])
        path = self.scenarios(f"""
taburet: 1
defaults:
  url: {server.url()}
  headers: {{ x-one: file, x-two: file, user-agent: me, x-empty: "" }}
  protocols: [a, b]
scenarios:
  - {{ name: a, steps: [ wait: 1ms ] }}
""")
        self.assert_passes(path)
        self.assert_passes("-H", "X-Two: line", "-H", "X-Three: line", "-A", "you",
                           "--subprotocol=b", path)
        first, second = server.peers
        self.assertEqual([first.headers.get(name) for name in
                          ("x-one", "x-two", "x-three", "user-agent", "x-empty")],
                         ["file", "file", None, "me", ""])
        self.assertEqual([second.headers.get_all(name) for name in
                          ("x-one", "x-two", "x-three", "user-agent")],
                         [["file"], ["line"], ["line"], ["you"]])
        self.assertEqual((first.subprotocol, second.subprotocol), ("a", "b"))

    def test_tls_is_verified_and_can_be_told_whom_to_trust(self):
        cert, key = make_certificate(self.home)
        server = self.ws_server(tls=serving(cert, key))
        path = self.scenarios(ECHO)
        args = ("--filter=good", "--jobs=2", "--url", server.url("/", "localhost"), path)
        self.assertIn("certificate", self.assert_fails(*args))
        self.assert_passes("--cacert", cert, *args)
        done = self.run_test("-k", *args)
        self.assertEqual(done.code, PASSED)
        self.assertRegex(done.err, r"^taburet: warning: with --insecure [^\n]*\n$")

    def test_the_way_to_the_mock_is_straight(self):
        env = {"http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
        path = self.scenarios(ECHO)
        self.assert_passes("--filter=good", "-x", "http://127.0.0.1:1", "--unix-socket=/nowhere",
                           path, env=env)
        server = self.ws_server()
        self.assert_fails("--filter=good", "--url", server.url(), path, env=env)


class Recording(ScenarioCase):
    def test_the_conversation_of_each_that_failed_is_kept_under_a_safe_name(self):
        folder = self.home / "kept"
        text = ECHO + """
  - name: "../bad \\e[31m ünd/ugly"
    steps: [ { send: hi }, { expect: ho } ]
  - name: bad  one
    steps: [ { send: hi }, { expect: ho } ]
"""
        path = self.scenarios(text, "my file.yaml")
        _, scenarios, _ = self.run_json("--record", folder, path)
        kept = recordings(folder)
        self.assertEqual(sorted(kept), ["my-file-_bad-31m-nd-ugly.jsonl".replace("_", ""),
                                        "my-file-bad-one-2.jsonl", "my-file-bad-one.jsonl"])
        told = {s["name"]: s["runs"][0].get("recording") for s in scenarios if s["runs"]}
        self.assertEqual(told["bad one"], str(folder / "my-file-bad-one.jsonl"))
        self.assertIsNone(told["good one"])
        lines = kept["my-file-bad-one.jsonl"]
        self.assertEqual((lines[0]["taburet"], lines[0]["kind"]), (1, "recording"))
        self.assertEqual([(e["from"], e["data"]) for e in lines if e.get("ev") == "message"],
                         [("client", "hello there"), ("server", "hello there")])
        self.assertEqual([e["ev"] for e in lines[1:]][0::3], ["open", "close"])
        again = self.run_test("--filter=^bad one", "--record", folder, path)
        self.assertEqual(again.code, FAILED)
        self.assertEqual(len(recordings(folder)["my-file-bad-one.jsonl"]), len(lines))
        made = self.run_test("--from", folder / "my-file-bad-one.jsonl")
        self.assertEqual(made.code, PASSED, made)
        self.assert_passes("--url", self.ws_server().url(),
                           self.scenarios(made.out.decode(), "made.yaml"))

    def test_a_folder_that_is_none_and_a_file_that_is_a_link(self):
        path = self.scenarios(ECHO)
        self.assert_error(self.run_test("--record", path, path), USAGE, "file.yaml")
        folder = self.home / "kept"
        folder.mkdir()
        (folder / "file-bad-one.jsonl").symlink_to(self.home / "target")
        done = self.run_test("--record", folder, path)
        self.assert_error(done, 1, "file-bad-one.jsonl.*symbolic link")
        self.assertIn(b"FAIL bad one", done.out)
        self.assertFalse((self.home / "target").exists())


class ExitCodes(ScenarioCase):
    def test_1_the_system_refuses(self):
        done = self.run_test("--jobs=8", "--filter=good", self.scenarios(ECHO.replace(
            "  - name: good one", "  - name: good one\n    clients: [a, b, c, d, e, f]").replace(
                "      - send: ${word}\n      - expect: hi\n", "      - wait: 100ms\n")),
            preexec=limit_descriptors(11))
        self.assert_error(done, 1, "Too many open files")
        self.assertRegex(done.out, rb"the system refused")

    def test_0_and_103(self):
        path = self.scenarios(ECHO)
        out = self.assert_passes("--filter=good", path)
        self.assertRegex(out, r"(?m)^ok   good one \(\d+ ms\)$")
        self.assertRegex(out, r"(?m)^ok   good two \(\d+ ms; 1 message came that no step looked "
                              r"at\)$")
        self.assertRegex(self.assert_fails(path),
                         r"2 passed, 1 failed, 1 skipped, seed \d+, \d+\.\d s\n$")

    def test_2_where_everything_was_skipped(self):
        path = self.scenarios(ECHO)
        done = self.run_test("--filter=left out", path)
        self.assert_error(done, USAGE, "nothing was run: the only scenario was skipped")
        self.assertRegex(done.out, rb"0 passed, 0 failed, 1 skipped, ")
        self.assert_error(self.run_test("--filter=left out", "--repeat=2", path), USAGE,
                          "nothing was run: all 2 scenarios were skipped")

    def test_2_bad_usage_and_bad_files(self):
        path = self.scenarios(ECHO)
        self.assert_error(self.run_test(), USAGE, "which file")
        self.assert_error(self.run_test("/nowhere/x.yaml"), USAGE, "/nowhere/x.yaml")
        for option in ("--repeat=0", "--jobs=0", "--jobs=x", "--seed=-1", "--color=pink",
                       "--output-format=xml", "--max-time=x"):
            self.assert_error(self.run_test(option, path), USAGE, option.split("=")[0])
        self.assert_error(self.run_test("--tap", "--output-format=json", path), USAGE, "--tap")
        self.assert_error(self.run_test("--quiet", "-v", path), USAGE, "--quiet")
        self.assert_error(self.run_test("--from=x", path), USAGE, "--from")
        self.assert_error(self.run_test("--reapeat=2", path), USAGE, "--repeat")
        broken = self.scenarios(ECHO.replace("- expect: hello you", "- expct: hello you"))
        done = self.run_test(broken)
        self.assertEqual((done.code, done.out), (USAGE, b""))
        line = line_of(ECHO, "expect: hello you")
        self.assertRegex(done.err, rf"file\.yaml:{line}:\d+: error: .*expct.*expect")

    def test_3_a_bad_url(self):
        self.assert_error(self.run_test("--url=ftp://x/", self.scenarios(ECHO)), BAD_URL, "ftp")

    def test_23_output_that_cannot_be_written(self):
        path = self.scenarios(ECHO)
        for kind in ((), ("--tap",), ("--output-format=json",)):
            with open("/dev/full", "wb") as full:
                self.assert_error(self.run_test(*kind, path, stdout=full), NO_OUTPUT, "No space")
        self.assert_error(self.run_test("--junit=/dev/full", "--filter=good", path), NO_OUTPUT,
                          "/dev/full.*No space")
        self.assert_error(self.run_test("--junit=/nowhere/x.xml", path), NO_OUTPUT,
                          "/nowhere/x.xml")

    def test_28_the_time_is_up(self):
        path = self.scenarios("taburet: 1\nserver: { rules: [] }\n"
                              "scenarios: [ { name: long, steps: [ wait: 60s ] } ]\n")
        done = self.run_test("-m", "0.1", path)
        self.assertEqual(done.code, TIMED_OUT, done)
        self.assertIn(b"--max-time", done.out)

    def test_130_interrupted_and_what_there_is_is_told(self):
        async def tell(ws, peer):
            await ws.send("come")
            await listen(ws, peer)
        server = WsServer(tell)
        self.addCleanup(server.stop)
        path = self.scenarios(f"""
taburet: 1
defaults: {{ url: {server.url()} }}
scenarios:
  - {{ name: short, steps: [ {{ await: come }} ] }}
  - {{ name: long, steps: [ {{ await: come }}, {{ send: here }}, {{ wait: 60s }} ] }}
  - {{ name: never, steps: [ wait: 1ms ] }}
""")
        for kind, number in (((), signal.SIGINT), (("--tap",), signal.SIGTERM)):
            server.peers.clear()
            program = self.start_test(*kind, path)
            server.wait_messages(["here"], 1)
            program.signal(number)
            done = program.wait()
            self.assertEqual(done.code, INTERRUPTED, done)
            self.assertRegex(done.out, rb"(?m)^ok .*short")
            self.assertRegex(done.out, rb"(?m)^(FAIL|not ok 2 -) long")
            self.assertRegex(done.out, rb"1 passed, 1 failed, 1 not run, interrupted")
            self.assertEqual(server.wait_close(1)[0], 1000)

    def test_dash_is_standard_input(self):
        done = run_program("test", "-")
        self.assertEqual(done.returncode, USAGE, done)
        self.assertIn("standard input", done.stderr)


class From(ScenarioCase):
    def test_a_recording_that_is_none(self):
        self.assert_error(self.run_test("--from=/nowhere/x.jsonl"), USAGE, "/nowhere/x.jsonl")
        self.assert_error(self.run_test("--from", self.file("x", json.dumps({"a": 1}) + "\n")),
                          USAGE, "x")
        path = self.file("r.jsonl", '{"taburet":1,"kind":"recording",'
                                    '"started":"2026-11-22T10:00:00.000Z"}\n')
        with open("/dev/full", "wb") as full:
            done = self.run_test("--from", path, stdout=full)
        self.assertIn(done.code, (USAGE, NO_OUTPUT))


if __name__ == "__main__":
    unittest.main()
