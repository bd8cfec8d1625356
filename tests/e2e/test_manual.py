"""Help, manual pages and completions say what the parser knows: every verb and every option."""

import re
import shutil
import subprocess
import tempfile
import unittest

from support import PROGRAM, run_program

# A line of the help: "  -p, --port PORT", "      --reconnect[=N,DELAY]", with or without a sentence.
LABEL = re.compile(r"^  (?:-(\S), |    )--([a-z0-9-]+)", re.MULTILINE)
SHELLS = ("bash", "zsh", "fish")


def printed(*args):
    done = run_program(*args)
    assert (done.returncode, done.stderr) == (0, ""), (args, done)
    return done.stdout


VERBS = re.findall(r"^  ([a-z]+) ", printed("help"), re.MULTILINE)


def options_of(verb):
    return LABEL.findall(printed("help", verb))


def needs(tool):
    return unittest.skipUnless(shutil.which(tool), f"{tool} is not installed")


def run_tool(*command, text):
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30,
                          check=False)


class Manual(unittest.TestCase):
    def pages(self):
        yield printed("manual")
        for verb in VERBS:
            yield printed("manual", verb)

    def test_the_verbs_are_there(self):
        for verb in ("serve", "help", "manual", "completion", "version"):
            self.assertIn(verb, VERBS)

    def test_help_of_a_verb_is_what_the_verb_itself_prints(self):
        for verb in VERBS:
            self.assertEqual(printed("help", verb), printed(verb, "--help"))
            self.assertIn(("h", "help"), options_of(verb))

    def test_the_overview_names_every_verb(self):
        page = printed("manual")
        for verb in VERBS:
            self.assertIn(rf"\fB{verb}\fR", page)
            self.assertIn(rf"taburet\-{verb}\fR(1)", page)

    def test_a_page_names_every_option(self):
        for verb in VERBS:
            page = printed("manual", verb)
            for letter, name in options_of(verb):
                with self.subTest(verb=verb, option=name):
                    escaped = name.replace("-", r"\-")
                    short = rf"\fB\-{letter}\fR, " if letter else ""
                    self.assertIn(rf"{short}\fB\-\-{escaped}\fR", page)

    @needs("mandoc")
    def test_a_page_is_rendered_without_a_warning(self):
        for page in self.pages():
            done = run_tool("mandoc", "-T", "lint", "-W", "warning", text=page)
            # No date is printed, so that the same source gives the same page.
            said = [line for line in done.stdout.splitlines() if "missing date" not in line]
            self.assertEqual(said, [], page)

    @needs("mandoc")
    def test_a_rendered_option_can_be_copied(self):
        done = run_tool("mandoc", "-T", "utf8", text=printed("manual", "serve"))
        plain = re.sub(".\b", "", done.stdout)
        self.assertIn("--max-message-size", plain)
        self.assertIn("any text               comes back", plain)

    def test_no_such_verb(self):
        done = run_program("manual", "sevre")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, "taburet: unknown verb 'sevre' (did you mean 'serve'?)\n")

    def test_too_many_words(self):
        for args in (("manual", "serve", "x"), ("help", "serve", "x"), ("version", "x"),
                     ("completion", "bash", "x")):
            done = run_program(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn("unexpected argument 'x'", done.stderr)

    def test_a_full_disk_is_told(self):
        for args in (("manual",), ("completion", "bash")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE,
                                      text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn("No space left on device", done.stderr)


class Completion(unittest.TestCase):
    def test_a_script_names_every_option(self):
        forms = {"bash": ("--{0}", "-{0}"), "zsh": ("--{0}", "-{0}"), "fish": ("-l {0}", "-s {0}")}
        for shell in SHELLS:
            script = printed("completion", shell)
            for verb in VERBS:
                for letter, name in options_of(verb):
                    with self.subTest(shell=shell, verb=verb, option=name):
                        self.assertRegex(script, re.escape(forms[shell][0].format(name)) + r"\b")
                        self.assertIn(forms[shell][1].format(letter), script)

    def test_a_script_is_one(self):
        for shell in SHELLS:
            if shutil.which(shell) is None:
                continue
            with tempfile.NamedTemporaryFile("w", suffix=f".{shell}") as script:
                script.write(printed("completion", shell))
                script.flush()
                done = subprocess.run([shell, "-n", script.name], capture_output=True, text=True,
                                      timeout=30, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)

    def test_no_such_shell(self):
        for args in (("completion",), ("completion", "tcsh")):
            done = run_program(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn("bash, zsh or fish", done.stderr)


class Bash(unittest.TestCase):
    """What bash makes of words, the last of which is being typed."""

    def complete(self, *words, folder=None):
        script = printed("completion", "bash") + """
            compopt() { :; }
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _taburet && printf '%s\\n' "${COMPREPLY[@]}"
            """
        done = subprocess.run(["bash", "-c", script, "bash", "taburet", *words], cwd=folder,
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout.split("\n")[:-1] if done.stdout != "\n" else []

    def test_verbs(self):
        self.assertEqual(self.complete(""), VERBS)
        self.assertEqual(self.complete("ser"), ["serve"])
        self.assertEqual(self.complete("help", "ser"), ["serve"])
        self.assertEqual(self.complete("completion", ""), list(SHELLS))
        self.assertEqual(self.complete("con"),
                         [verb for verb in VERBS if verb.startswith("con")])

    def test_options(self):
        self.assertEqual(self.complete("serve", "--por"), ["--port"])
        for verb in VERBS:
            offered = self.complete(verb, "-")
            for letter, name in options_of(verb):
                self.assertIn(f"--{name}", offered)
                self.assertTrue(not letter or f"-{letter}" in offered)
        self.assertEqual(self.complete("serve", "--port", ""), [])
        self.assertEqual(self.complete("nonsense", "-"), [])

    def test_choices(self):
        self.assertEqual(self.complete("serve", "--slow", ""), ["close", "drop"])
        self.assertEqual(self.complete("serve", "--slow", "="), ["close", "drop"])
        self.assertEqual(self.complete("serve", "--slow", "=", "d"), ["drop"])
        self.assertEqual(self.complete("serve", "--slow=d"), ["--slow=drop"])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a b.pem", "a.pem", "b.pem"):
                with open(f"{folder}/{name}", "w", encoding="utf-8"):
                    pass
            self.assertEqual(sorted(self.complete("serve", "--tls-cert", "a", folder=folder)),
                             ["a b.pem", "a.pem"])


@needs("fish")
class Fish(unittest.TestCase):
    def complete(self, line):
        with tempfile.NamedTemporaryFile("w", suffix=".fish") as script:
            script.write(printed("completion", "fish"))
            script.flush()
            done = subprocess.run(["fish", "--no-config", "-c",
                                   f"source {script.name}; complete -C '{line}'"],
                                  capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.stderr, "")
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_what_is_completed(self):
        self.assertEqual(sorted(self.complete("taburet ")), sorted(VERBS))
        self.assertEqual(self.complete("taburet serve --por"), ["--port"])
        self.assertEqual(self.complete("taburet serve --slow "), ["close", "drop"])
        self.assertEqual(self.complete("taburet serve --slow=d"), ["--slow=drop"])
        self.assertEqual(self.complete("taburet help ser"), ["serve"])


if __name__ == "__main__":
    unittest.main()
