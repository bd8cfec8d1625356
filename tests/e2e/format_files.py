"""The files of the format that the repository shows: its examples, and the blocks in docs/format.md.

YAML is read as editors read it (version 1.2, the core schema): `yes` is a text, `1` a number.
"""

import json
import re

import yaml
from jsonschema import Draft202012Validator

from support import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
MISTAKES = sorted((ROOT / "tests" / "format" / "mistakes").glob("*.yaml"))
REFERENCE = ROOT / "docs" / "format.md"
SCHEMA = ROOT / "docs" / "taburet.schema.json"

BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.M | re.S)


class CoreLoader(yaml.CSafeLoader):
    """The core schema, in which only true and false are booleans, as libyaml reads it."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
         "-+0123456789."),
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""])):
    CoreLoader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), list(first))
CoreLoader.add_constructor("tag:yaml.org,2002:int",
                           lambda loader, node: int(loader.construct_scalar(node)))
CoreLoader.add_constructor("tag:yaml.org,2002:float",
                           lambda loader, node: float(loader.construct_scalar(node)))


def read(text):
    return yaml.load(text, CoreLoader)


def blocks(text):
    """The YAML blocks of a Markdown text: [(line, block)]."""
    return [(text.count("\n", 0, m.start(1)) + 1, m.group(1)) for m in BLOCK.finditer(text)]


def reference_blocks():
    return blocks(REFERENCE.read_text())


def schema():
    return json.loads(SCHEMA.read_text())


def complaints(validator, text):
    """What the schema has against a file, the innermost cause of each."""
    def innermost(error):
        while error.context:
            error = max(error.context, key=lambda e: len(e.absolute_path))
        return f"{error.json_path}: {error.message[:200]}"
    return [innermost(error) for error in validator.iter_errors(read(text))]


def validator():
    return Draft202012Validator(schema())
