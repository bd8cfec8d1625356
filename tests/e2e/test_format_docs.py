"""Every example file, and every block of docs/format.md, is right and does what its scenarios say.

ctest: timeout 120
"""

import pathlib
import tempfile
import unittest

from format_files import EXAMPLES, REFERENCE, read, reference_blocks
from support import LIMIT, ROOT, run_program


def text_of(done):
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"


class Examples(unittest.TestCase):
    def test_each_is_right(self):
        done = run_program("check", *map(str, EXAMPLES))
        self.assertEqual(done.returncode, 0, text_of(done))

    def test_each_passes_its_own_scenarios(self):
        for path in EXAMPLES:
            with self.subTest(file=path.name):
                self.assertTrue(read(path.read_text())["scenarios"])
                done = run_program("test", str(path), limit=3 * LIMIT)
                self.assertEqual(done.returncode, 0, text_of(done))

    def test_each_says_how_it_is_used(self):
        for path in EXAMPLES:
            with self.subTest(file=path.name):
                begin = path.read_text().split("\ntaburet: 1\n")[0]
                self.assertTrue(all(line.startswith("#") for line in begin.splitlines()))
                self.assertIn("taburet serve", begin)
                self.assertRegex(begin, rf"taburet test (examples/)?{path.name}")


class Reference(unittest.TestCase):
    def test_each_block_is_right(self):
        for line, block in reference_blocks():
            with self.subTest(block=f"{REFERENCE.name}:{line}"):
                self.run_block("check", block)

    def test_each_block_passes_its_own_scenarios(self):
        ran = 0
        for line, block in reference_blocks():
            if "scenarios" not in read(block):
                continue
            with self.subTest(block=f"{REFERENCE.name}:{line}"):
                self.run_block("test", block)
                ran += 1
        self.assertGreater(ran, 15)

    def run_block(self, verb, block):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "block.yaml"
            path.write_text(block)
            done = run_program(verb, str(path), limit=3 * LIMIT)
            self.assertEqual(done.returncode, 0, text_of(done))

    def test_every_example_that_is_pointed_at_is_there(self):
        self.assertIn("(../examples)", REFERENCE.read_text())
        self.assertTrue((ROOT / "examples").is_dir())


if __name__ == "__main__":
    unittest.main()
