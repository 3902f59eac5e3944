"""What a version of TensorRT has, by the listings in ``doubles/listings``: members, kinds of results, arguments."""

from __future__ import annotations

import json
import lzma
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from trtflow.trt.capabilities import Capabilities, capabilities

LISTINGS = Path(__file__).parents[1] / "doubles" / "listings"
VERSIONS = tuple(
    sorted(
        (file.name.removeprefix("tensorrt-").removesuffix(".json.xz") for file in LISTINGS.iterdir()),
        key=lambda name: [int(part) for part in name.removeprefix("rtx-").split(".")],
    )
)
ALIASES = {"float32", "float16", "int8", "int32", "bool"}
"""What every module has beside its classes and functions."""
OF_ENUMS = {"name", "value"}
MODULE = "module"


@dataclass(frozen=True)
class Kind:
    """What an expression is: TensorRT's module, an instance of the class ``name``, or, ``of_class``, that itself."""

    name: str
    of_class: bool = False


@dataclass(frozen=True)
class Member:
    """One member: what reading it gives, the signatures that calling it takes, and whether it may be set."""

    result: Kind | None = None
    signatures: tuple[str, ...] = ()
    is_settable: bool = False


@cache
def listing(version: str) -> Any:
    """The classes and functions of ``version``."""
    return json.loads(lzma.decompress((LISTINGS / f"tensorrt-{version}.json.xz").read_bytes()))


@cache
def can(version: str) -> Capabilities:
    """What trtflow takes ``version`` for."""
    classes = {
        name: SimpleNamespace(**dict.fromkeys(known.get("enum", known.get("members", ()))))
        for name, known in listing(version)["classes"].items()
    }
    return capabilities(SimpleNamespace(__version__=version, **classes))


def member(version: str, owner: Kind, name: str) -> Member | None:
    """``owner.name`` in ``version``; None where there is no such thing."""
    listed = listing(version)
    if owner.name == MODULE:
        return _of_module(listed, name)
    known = listed["classes"].get(owner.name)
    if known is None:
        return None
    if "enum" in known:
        found = name in known["enum"] if owner.of_class else name in OF_ENUMS
        return Member(Kind(owner.name) if owner.of_class else None) if found else None
    entry = known["members"].get(name)
    if entry is None:
        return None
    return Member(_kind(listed, entry.get("type")), tuple(entry.get("signatures", ())), entry.get("set", False))


def _of_module(listed: Any, name: str) -> Member | None:
    if name in listed["classes"]:
        return Member(Kind(name, of_class=True), tuple(listed["classes"][name].get("init", ())))
    if name in listed["functions"]:
        return Member(None, tuple(listed["functions"][name]))
    return Member() if name in ALIASES else None


def result(version: str, found: Member) -> Kind | None:
    """What calling ``found`` gives, where a listed class."""
    if found.result is not None and found.result.of_class:
        return Kind(found.result.name)
    said = {signature.rpartition(" -> ")[2] for signature in found.signatures}
    return _kind(listing(version), said.pop()) if len(said) == 1 else None


def _kind(listed: Any, written: str | None) -> Kind | None:
    name = (written or "").rpartition("::")[2]
    return Kind(name) if name in listed["classes"] else None


def takes(signature: str, positional: int, keywords: frozenset[str]) -> bool:
    """Whether a call of so many arguments and these keywords fits ``signature``; ``self`` is not counted."""
    inside = signature[signature.index("(") + 1 : signature.rindex(")")]
    arguments = [part.strip() for part in _parts(inside) if part.strip()]
    arguments = [part for part in arguments if not re.match(r"self\b", part)]
    names = [re.split(r"[:=]", part)[0].strip() for part in arguments]
    needed = {name for name, part in zip(names, arguments, strict=True) if "=" not in part}
    given = {*names[:positional], *keywords}
    return positional <= len(names) and keywords <= {*names[positional:]} and needed <= given


def _parts(text: str) -> list[str]:
    """``text`` cut at its outer commas."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{<") - (letter in ")]}>")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
