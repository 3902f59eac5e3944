"""What the bindings of one TensorRT version offer: classes, members, signatures, read from the compiled ones."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "doubles" / "listings"
VERSIONS = ("8.6.1", "10.0.1", "10.13.3", "10.16.1", "11.4.0")
_ARGUMENT = re.compile(r"(?P<name>\w+)(?:: (?P<type>.*?))?(?: = (?P<default>.*))?")


@dataclass(frozen=True)
class Argument:
    """One argument of a signature; ``default`` is None where there is none, else as the bindings write it."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Member:
    """A method with its overloads, or a property; ``is_settable`` and ``type`` are a property's."""

    kind: str
    overloads: tuple[tuple[Argument, ...], ...] = ()
    is_settable: bool = False
    type: str = ""


@dataclass(frozen=True)
class ListedClass:
    """A class: its bases, overloads of its constructor, and members, inherited ones too; ``values`` of an enum."""

    bases: tuple[str, ...]
    init: tuple[tuple[Argument, ...], ...]
    members: Mapping[str, Member]
    values: Mapping[str, int]


@dataclass(frozen=True)
class Listing:
    """The Python surface of one version."""

    version: str
    classes: Mapping[str, ListedClass]
    functions: Mapping[str, Member]


@cache
def read(version: str) -> Listing:
    """The listing of ``version``: 10.16.1, or rtx-1.7.1."""
    found = json.loads(lzma.decompress((FOLDER / f"tensorrt-{version}.json.xz").read_bytes()))
    classes = {name: _class(entry) for name, entry in found["classes"].items()}
    return Listing(version, classes, {name: _method(lines) for name, lines in found["functions"].items()})


def parse(signature: str) -> tuple[Argument, ...]:
    """The arguments of ``signature``, as pybind11 writes it, without ``self``."""
    inside = signature[signature.index("(") + 1 : signature.rindex(") ->") if ") ->" in signature else -1]
    parts = [_ARGUMENT.fullmatch(part) for part in _split(inside)]
    return tuple(Argument(p["name"], p["type"] or "", p["default"]) for p in parts if p and p["name"] != "self")


def _split(inside: str) -> list[str]:
    """At the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(inside):
        depth += (letter in "[(<") - (letter in "])>")
        if letter == "," and depth == 0:
            parts.append(inside[start:index].strip())
            start = index + 1
    return [part for part in [*parts, inside[start:].strip()] if part]


def _class(entry: Mapping[str, Any]) -> ListedClass:
    members = {name: _member(member) for name, member in entry.get("members", {}).items()}
    init = tuple(map(parse, entry.get("init", ())))
    return ListedClass(tuple(entry.get("bases", ())), init, members, entry.get("enum", {}))


def _member(entry: Mapping[str, Any]) -> Member:
    if entry["kind"] == "method":
        return _method(entry.get("signatures", ()))
    return Member(entry["kind"], is_settable=entry.get("set", False), type=entry.get("type", ""))


def _method(signatures: list[str]) -> Member:
    return Member("method", tuple(map(parse, signatures)))
