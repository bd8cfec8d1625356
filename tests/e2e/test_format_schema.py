"""docs/taburet.schema.json, held against the loader of the files that it describes."""

import pathlib
import re
import tempfile
import unittest

from format_files import (EXAMPLES, MISTAKES, complaints, read, reference_blocks, schema, validator)
from support import LIMIT, ROOT, run_program

SCHEMA = schema()

# Where an object of the schema stands in a file; @ is the place of its keys.
PLACES = {
    "#": "{taburet: 1, @}",
    "message": "{taburet: 1, server: {rules: [{reply: {@}}]}}",
    "frame": "{taburet: 1, server: {rules: [{reply: {text: x, frame: {@}}}]}}",
    "message_matcher": "{taburet: 1, server: {rules: [{when: {@}}]}}",
    "handshake_matcher": "{taburet: 1, server: {handshake: [{accept: yes, when: {@}}]}}",
    "value_matcher": "{taburet: 1, server: {rules: [{when: {json: {$.a: {@}}}}]}}",
    "server": "{taburet: 1, server: {@}}",
    "tls": "{taburet: 1, server: {tls: {@}}}",
    "route": "{taburet: 1, server: {routes: {/: {@}}}}",
    "handshake_rule": "{taburet: 1, server: {handshake: [{@}]}}",
    "accept": "{taburet: 1, server: {handshake: [{accept: {@}}]}}",
    "reject": "{taburet: 1, server: {handshake: [{reject: {@}}]}}",
    "rule": "{taburet: 1, server: {rules: [{@}]}}",
    "action": "{taburet: 1, server: {rules: [{do: [{@}]}]}}",
    "closing": "{taburet: 1, server: {rules: [{close: {@}}]}}",
    "switch": "{taburet: 1, server: {rules: [{fault: {@}}]}}",
    "fault": "{taburet: 1, server: {faults: [{@}]}}",
    "raw_bytes": "{taburet: 1, server: {faults: [{id: x, then: {@}}]}}",
    "defaults": "{taburet: 1, defaults: {@}}",
    "client": "{taburet: 1, scenarios: [{name: x, clients: {a: {@}}, steps: [connect]}]}",
    "scenario": "{taburet: 1, scenarios: [{@}]}",
    "whole_step": "{taburet: 1, scenarios: [{name: x, steps: [{@}]}]}",
    "whole_step_in_all": "{taburet: 1, scenarios: [{name: x, steps: [{all: [{@}]}]}]}",
    "connecting": "{taburet: 1, scenarios: [{name: x, steps: [{connect: {@}}]}]}",
    "timed_matcher": "{taburet: 1, scenarios: [{name: x, steps: [{expect: {@}}]}]}",
    "saving_matcher": "{taburet: 1, scenarios: [{name: x, steps: [{unordered: [{@}]}]}]}",
    "ending": "{taburet: 1, scenarios: [{name: x, steps: [{expect_close: {@}}]}]}",
    "switches": "{taburet: 1, scenarios: [{name: x, steps: [{fault: {@}}]}]}",
    "verifying": "{taburet: 1, scenarios: [{name: x, steps: [{verify: {@}}]}]}",
}

# What these objects share with others in the loader's tables, and refuse in other words.
REFUSED_ELSEWHERE = {"whole_step_in_all": {"all", "as"}}

# Mistakes in the golden files that the schema does not see: what names mean, what stands in texts
# and in names, how many there are, the order of numbers, what goes together only in some of its
# meanings, and what YAML itself forbids or forgives.
BEYOND_A_SCHEMA = {
    "bad_check", "bad_path", "bad_range", "bad_regex", "contains_empty", "continue_of_clock",
    "do_and_keys", "every_nothing", "fault_close_1006", "fault_of_client",
    "fault_rate_of_client", "fault_raw_hex", "fault_raw_nothing", "fault_refuse_after",
    "fault_refuse_when", "fault_twice", "head_in_scenario", "header_name", "header_value",
    "in_nothing", "json_comma", "key_twice", "not_empty", "ping_too_long", "reason_too_long",
    "reply_braces", "route_braces", "route_name", "route_name_twice", "route_names",
    "route_percent", "route_query", "route_rest_inside", "route_star", "route_taken",
    "route_twice", "scenario_twice", "states_many", "template_not_closed", "unknown_client",
    "unknown_fault", "unknown_fault_alone", "unknown_fault_in_step", "unknown_fault_of_none",
    "unknown_state", "unknown_state_alone", "unknown_variable", "value_empty", "wait_at_close",
}


# What stands for a key that has to be there.
VALUES = {"cert": "cert: c.pem", "key": "key: k.pem", "name": "name: x",
          "steps": "steps: [connect]"}


def file_name(name, word):
    return f"{name.replace('#', 'file')}-{word}.yaml"


def objects():
    """The objects of the schema that name all their keys."""
    found = {"#": SCHEMA}
    found |= {name: d for name, d in SCHEMA["$defs"].items() if "properties" in d}
    return found


def names_of_the_loader():
    """Every name in the loader's tables of keys."""
    names = set()
    for path in (ROOT / "src" / "script").rglob("*.[ch]"):
        names |= set(re.findall(r'\.name = "(\w+)"', path.read_text()))
    return names


def check(files):
    """What `taburet check` says of files: {name: text}."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (pathlib.Path(folder) / name).write_text(text)
        done = run_program("check", "-q", *(f"{folder}/{name}" for name in files), limit=6 * LIMIT)
        said = {name: "" for name in files}
        for name, message in re.findall(rf"^(?:taburet: )?{re.escape(folder)}/([^:\s]+):(.*)$",
                                        done.stderr, re.M):
            said[name] += message
        return said


class Schema(unittest.TestCase):
    def test_is_a_schema(self):
        validator().check_schema(SCHEMA)

    def test_every_object_has_its_place_here_and_takes_no_other_keys(self):
        self.assertEqual(set(objects()), set(PLACES))
        for name, found in objects().items():
            self.assertIs(found["additionalProperties"], False, name)

    def test_every_key_is_described(self):
        defs = SCHEMA["$defs"]
        for name, found in objects().items():
            for key, value in found["properties"].items():
                named = defs[value["$ref"].split("/")[-1]] if "$ref" in value else {}
                self.assertTrue("description" in value or "description" in named, f"{name}.{key}")

    def test_the_loader_knows_the_same_keys(self):
        known = {name: set(found["properties"]) for name, found in objects().items()}
        words = sorted(names_of_the_loader() | set().union(*known.values()) | {"no_such_key"})
        self.assertGreater(len(words), 80)
        files = {file_name(name, word): PLACES[name].replace("@", f"{word}: x")
                 for name in known for word in words}
        said = check(files)
        wrong = []
        for name, keys in known.items():
            for word in words:
                message = said[file_name(name, word)]
                if word in REFUSED_ELSEWHERE.get(name, ()):
                    right = message != ""
                else:
                    right = (f"unknown key '{word}'" in message) == (word not in keys)
                if not right:
                    side = "schema" if word in keys else "loader"
                    wrong.append(f"{name}.{word}: only the {side} knows it ({message})")
        self.assertEqual(wrong, [])

    def test_required_keys_are_required(self):
        for name, found in objects().items():
            for key in found.get("required", ()) if name != "#" else ():
                others = [k for k in found["required"] if k != key]
                text = PLACES[name].replace("@", ", ".join(VALUES[k] for k in others))
                with self.subTest(object=name, key=key):
                    self.assertIn(f"'{key}'", check({"file.yaml": text})["file.yaml"])
                    self.assertTrue(complaints(validator(), text))


class Files(unittest.TestCase):
    def test_examples_are_valid(self):
        self.assertGreater(len(EXAMPLES), 7)
        for path in EXAMPLES:
            with self.subTest(file=path.name):
                self.assertEqual(complaints(validator(), path.read_text()), [])

    def test_the_blocks_of_the_reference_are_valid(self):
        self.assertGreater(len(reference_blocks()), 20)
        for line, block in reference_blocks():
            with self.subTest(line=line):
                self.assertEqual(complaints(validator(), block), [])

    def test_mistakes_that_a_schema_can_see_are_seen(self):
        judged = 0
        for path in MISTAKES:
            try:
                read(path.read_text())
            except Exception:  # no YAML at all: not the schema's business
                continue
            with self.subTest(file=path.name):
                seen = complaints(validator(), path.read_text()) != []
                self.assertEqual(seen, path.stem not in BEYOND_A_SCHEMA)
                judged += 1
        self.assertGreater(judged, 20)


if __name__ == "__main__":
    unittest.main()
