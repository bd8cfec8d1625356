"""What a person types wrong, and what `--help` says. Nothing is ever half-started."""

import subprocess
import unittest

from support import LIMIT, PROGRAM, ROOT, limit_descriptors, run_program

OPTIONS = ("--host", "--port", "--unix", "--every", "--echo", "--threads", "--tls-cert",
           "--tls-key", "--allow-origin", "--subprotocol", "--no-deflate", "--max-connections",
           "--max-message-size", "--max-fragments", "--max-backlog", "--slow", "--ping-interval",
           "--ping-timeout", "--handshake-timeout", "--record", "--log-format")


class Usage(unittest.TestCase):
    def assert_usage_error(self, *args, names=()):
        done = run_program(*args)
        self.assertEqual(done.returncode, 2, (args, done))
        self.assertEqual(done.stdout, "", args)
        self.assertEqual(len(done.stderr.splitlines()), 1, (args, done.stderr))
        self.assertTrue(done.stderr.startswith("taburet: "), done.stderr)
        for name in names:
            self.assertIn(name, done.stderr)

    def test_an_unknown_option_is_exit_2_and_names_the_nearest(self):
        for wrong, near in (("--prot", "--port"), ("--evry=1s", "--every"), ("--hosts", "--host"),
                            ("--max-mesage-size", "--max-message-size")):
            self.assert_usage_error("serve", wrong, names=[wrong.split("=")[0], near])

    def test_long_names_are_not_abbreviated(self):
        self.assert_usage_error("serve", "--max-conn", "5", names=["--max-conn"])

    def test_a_missing_argument(self):
        for option in ("--port", "--host", "--record", "--every"):
            self.assert_usage_error("serve", option, names=[option])

    def test_bad_values_are_named_with_their_option(self):
        for option, value in (
                ("--port", "65536"), ("--port", "-1"), ("--port", "http"), ("--port", ""),
                ("--every", "soon"), ("--every", "-5s"), ("--every", "5 s"), ("--threads", "0"),
                ("--threads", "100000"), ("--slow", "maybe"), ("--log-format", "xml"),
                ("--max-message-size", "1X"), ("--max-message-size", "-1"),
                ("--max-message-size", "99999999999999999999"), ("--max-fragments", "many"),
                ("--max-backlog", "x"), ("--max-connections", "0"), ("--ping-interval", "x"),
                ("--ping-timeout", "99999999999h"), ("--handshake-timeout", "never")):
            with self.subTest(option=option, value=value):
                self.assert_usage_error("serve", "--port=0", f"{option}={value}", names=[option])

    def test_a_subprotocol_that_is_no_token(self):
        for value in ("a b", "a,b", "", "caf\u00e9", "a\r\nX: y"):
            with self.subTest(value=value):
                self.assert_usage_error("serve", "--port", "0", "--subprotocol", value,
                                        names=["--subprotocol"])

    def test_a_host_that_is_no_name_or_address(self):
        self.assert_usage_error("serve", "--port", "0", "--host", "*",
                                names=["--host", "0.0.0.0", "::"])
        self.assert_usage_error("serve", "--port", "0", "--host", "", names=["--host"])

    def test_an_origin_that_no_browser_sends(self):
        for value in ("*", "", "https://example.org/", "example.org", "https://Example.org"):
            with self.subTest(value=value):
                self.assert_usage_error("serve", "--port", "0", "--allow-origin", value,
                                        names=["--allow-origin", "https://example.org"])

    def test_a_duration_shows_its_units(self):
        self.assert_usage_error("serve", "--every", "5S", names=["20ms, 5s or 2m", "24h"])

    def test_more_threads_than_descriptors_are_an_error_and_no_crash(self):
        done = run_program("serve", "--port", "0", "--threads", "16",
                           preexec=limit_descriptors(60))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("Too many open files", done.stderr)

    def test_an_unknown_verb_names_the_nearest(self):
        self.assert_usage_error("sevre", names=["sevre", "serve"])

    def test_control_characters_in_an_argument_reach_no_terminal(self):
        done = run_program("serve", "--\x1b[31mred")
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("\x1b", done.stderr)

    def test_help_names_every_option_and_is_exit_0(self):
        done = run_program("serve", "--help")
        self.assertEqual(done.returncode, 0)
        for option in OPTIONS:
            self.assertIn(option, done.stdout)
        self.assertEqual(done.stderr, "")

    def test_help_of_the_program_names_the_verb(self):
        done = run_program("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("serve", done.stdout)

    def test_an_output_that_cannot_be_written_is_exit_23(self):
        for args in (("--help",), ("help", "serve"), ("serve", "--help"), ("--version",),
                     ("check", str(ROOT / "examples" / "chat.yaml")),
                     ("serve", "--print-article")):
            with self.subTest(args=args), open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE,
                                      check=False, timeout=LIMIT)
                self.assertEqual(done.returncode, 23)
                self.assertIn(b"taburet: cannot write the output", done.stderr)
            with self.subTest(args=args, closed=True):
                done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', PROGRAM, *args],
                                      stderr=subprocess.PIPE, check=False, timeout=LIMIT)
                self.assertEqual(done.returncode, 23)
                self.assertIn(b"taburet: cannot write the output", done.stderr)

    def test_version(self):
        done = run_program("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^taburet \d+\.\d+")


if __name__ == "__main__":
    unittest.main()
