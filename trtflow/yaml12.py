"""YAML 1.2 (core schema) on PyYAML, strict and with positions.

PyYAML speaks YAML 1.1: ``no`` is false, ``1e-3`` is a string, ``012`` is ten, ``12:30:00`` is 45000, and the
last of two equal keys wins in silence. Here scalars follow the core schema and such keys are problems.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from trtflow.errors import ConfigError
from trtflow.located import Located, Location, Problem, raise_problems, shown

CORE: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)
CONFLICT = re.compile(r"<{7} |={7}$|>{7} ")
BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")
PREFIX = "tag:yaml.org,2002:"


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own interface)


class Flow(dict[str, Any]):
    """A map that is written on one line."""


class Dumper(yaml.SafeDumper):
    """Writes what ``Loader`` reads: quotes a string only where YAML 1.2 would take it for something else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own interface)

    def ignore_aliases(self, data: Any) -> bool:
        """Never write anchors: a reader should see the value where it counts."""
        return True


def _write_string(dumper: Dumper, text: str) -> yaml.ScalarNode:
    """Escape what YAML takes for a line break, which PyYAML would fold away."""
    style = '"' if BREAKS.search(text) else None
    return dumper.represent_scalar(PREFIX + "str", text, style)


Dumper.add_representer(str, _write_string)
Dumper.add_representer(Flow, lambda dumper, data: dumper.represent_mapping(PREFIX + "map", data, flow_style=True))

for _tag, _pattern, _first in CORE:
    for _class in (Loader, Dumper):
        _class.add_implicit_resolver(
            PREFIX + _tag, re.compile(rf"(?:{_pattern})$"), [*_first, *([""] if _tag == "null" else [])]
        )


class _Reader:
    """Turns composed nodes into ``Located`` values and collects what is wrong with them."""

    def __init__(self, name: str, folder: Path, lines: Sequence[str]) -> None:
        self.name, self.folder, self.lines = name, folder, lines
        self.problems: list[Problem] = []
        self.open: set[int] = set()

    def at(self, start: Any, end: Any = None) -> Location:
        same_line = end is not None and end.line == start.line
        length = max(1, end.column - start.column) if same_line else 1
        return Location(self.name, self.folder, start.line + 1, start.column + 1, length, self.lines)

    def node(self, node: Any, key: Location | None = None) -> Located:
        at = self.at(node.start_mark, node.end_mark)
        if id(node) in self.open:
            self.problems.append(Problem("this alias contains itself", at))
            return Located(None, at, key)
        self.open.add(id(node))
        value = self.value(node, at)
        self.open.discard(id(node))
        return Located(value, at, key)

    def value(self, node: Any, at: Location) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.node(child) for child in node.value]
        return self.scalar(node, at)

    def mapping(self, node: Any) -> dict[str, Located]:
        found: dict[str, Located] = {}
        for key, child in node.value:
            at = self.at(key.start_mark, key.end_mark)
            if not isinstance(key, yaml.ScalarNode) or key.tag != PREFIX + "str":
                self.problems.append(Problem("a key must be a string", at, "put it in quotes"))
            elif key.value in found:
                first = found[key.value].key
                line = first.line if first else 0
                self.problems.append(Problem(f"the key '{key.value}' is here twice", at, f"first on line {line}"))
            else:
                found[key.value] = self.node(child, at)
        return found

    def scalar(self, node: Any, at: Location) -> Any:
        kind = node.tag.removeprefix(PREFIX)
        convert = SCALARS.get(kind)
        if convert is None:
            self.problems.append(Problem(f"the tag {node.tag} is not used here", at, "write the plain value"))
            return None
        try:
            return convert(node.value)
        except (ValueError, KeyError):
            self.problems.append(Problem(f"'{node.value}' is not a valid {kind}", at))
            return None


def _integer(text: str) -> int:
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


def _number(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


SCALARS: dict[str, Any] = {
    "str": str,
    "null": lambda text: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _integer,
    "float": _number,
}


def parse(text: str, name: str, folder: Path, lines: Sequence[str] | None = None) -> Located:
    """The value of the YAML document ``text``; ``name`` is how messages call the file.

    Raises:
        ConfigError: syntax errors, duplicate keys, keys that are no strings, tags.
    """
    reader = _Reader(name, folder, text.splitlines() if lines is None else lines)
    try:
        node = yaml.compose(text, Loader)
    except yaml.YAMLError as error:
        raise_problems([_syntax_problem(error, reader)])
    located = Located(None, reader.at(_Start)) if node is None else reader.node(node)
    raise_problems(reader.problems)
    return located


def read_yaml(file: Path) -> Located:
    """The value of the YAML document in ``file``.

    Raises:
        ConfigError: it cannot be read, or as ``parse`` does.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{file}: cannot be read: {reason}. Give the path of a YAML file.") from error
    return parse(text, shown(file), file.resolve().parent)


def load(text: str, name: str = "document") -> Any:
    """The plain value of a YAML 1.2 document.

    Raises:
        ConfigError: as ``parse`` does.
    """
    return parse(text, name, Path()).plain()


def dump(document: Any) -> str:
    """``document`` as YAML 1.2: keys in the order given, short collections of scalars on one line."""
    return str(yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))


def write_lines(document: dict[str, Any], path: Path) -> None:
    """Write ``document`` in its order, each ``Flow`` in it on one line, so that a pull request shows what changed."""
    text = yaml.dump(document, Dumper=Dumper, sort_keys=False, width=1_000_000, allow_unicode=True)
    path.write_text(text, encoding="utf-8")


class _Start:
    line = 0
    column = 0


def _syntax_problem(error: yaml.YAMLError, reader: _Reader) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None) or _Start
    text = getattr(error, "problem", None) or str(error)
    at = reader.at(mark)
    return Problem(f"not valid YAML: {text}", at, _syntax_help(at.source, reader.lines))


def _syntax_help(line: str, lines: Sequence[str]) -> str:
    conflict = next((number for number, text in enumerate(lines, 1) if CONFLICT.match(text)), None)
    if conflict:
        return f"line {conflict} is the mark of a merge conflict; resolve it first"
    if line.lstrip(" ").startswith("\t"):
        return "indent with spaces; YAML forbids tabs"
    return "put values that hold ': ', '#', '{' or '[' in quotes" if line.count(": ") > 1 else ""
