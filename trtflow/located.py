"""Values that know where they were written, and what is wrong with them there.

A YAML file becomes a tree of ``Located``. Merging, overriding and substituting move these about, so the
position of a value travels with it and no separate map of origins has to be kept in step.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trtflow.errors import ConfigError

Key = str | int


@dataclass(frozen=True)
class Location:
    """A stretch of one line of a file or of a command-line argument; ``line`` and ``column`` start at 1."""

    file: str
    folder: Path  # what a relative path written here is relative to
    line: int
    column: int
    length: int = 1
    lines: Sequence[str] = field(default=(), repr=False, compare=False)

    @property
    def source(self) -> str:
        """The line's text, empty where the file has none."""
        return self.lines[self.line - 1] if 0 < self.line <= len(self.lines) else ""

    def narrowed(self, text: str) -> Location:
        """The position of ``text`` inside this stretch, or this stretch where the line does not show it."""
        start = self.source.find(text, self.column - 1)
        return self if start < 0 else replace(self, column=start + 1, length=len(text))


@dataclass(frozen=True)
class OutputReference:
    """``${step.output}``: a file that another step makes."""

    step: str
    output: str

    def __str__(self) -> str:
        return f"${{{self.step}.{self.output}}}"


@dataclass(frozen=True)
class Located:
    """A value, where it is written, where its key is, and where a reference used it.

    ``value`` is ``dict[str, Located]``, ``list[Located]``, an ``OutputReference`` or a scalar.
    """

    value: Any
    at: Location
    key: Location | None = None
    used: Location | None = None

    @property
    def entries(self) -> dict[str, Located]:
        """The children of a map; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Located]:
        """The children of a list; empty for anything else."""
        return self.value if isinstance(self.value, list) else []

    def child(self, key: Key) -> Located | None:
        """The child under ``key``, if there is one."""
        if isinstance(key, str):
            return self.entries.get(key)
        return self.items[key] if -1 < key < len(self.items) else None

    def find(self, path: Sequence[Key]) -> Located:
        """The deepest value on ``path``; segments that the tree lacks (union tags) are passed over.

        ``used`` is inherited from the nearest ancestor that a reference brought in.
        """
        here = self
        for key in path:
            below = here.child(key)
            if below is not None:
                here = replace(below, used=below.used or here.used)
        return here

    def plain(self) -> Any:
        """The value without positions; references as they are written."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return str(self.value) if isinstance(self.value, OutputReference) else self.value

    def leaves(self, path: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], Located]]:
        """All scalars and references below, each with its path."""
        children: list[tuple[Key, Located]] = [*self.entries.items(), *enumerate(self.items)]
        if not isinstance(self.value, (dict, list)):
            yield path, self
        for key, child in children:
            yield from replace(child, used=child.used or self.used).leaves((*path, key))


WIDTH = 88  # columns of source shown, so that the caret still stands under its word in a 100-column terminal


@dataclass(frozen=True)
class Problem:
    """One mistake: what was found, where it is written, what helps, and where a reference used the value."""

    message: str
    at: Location
    help: str = ""
    used: Location | None = None

    def __str__(self) -> str:
        parts = [f"{position(self.at)}: {self.message}", *excerpt(self.at)]
        if self.help:
            parts.append(f"      = {self.help}")
        if self.used:
            parts += [f"  used at {position(self.used)}", *excerpt(self.used)]
        return "\n".join(parts)


def problem(message: str, located: Located, hint: str = "", key: bool = False) -> Problem:
    """A problem at a value, or at its ``key``."""
    at = located.key if key and located.key else located.at
    return Problem(message, at, hint, located.used)


def shown(file: Path) -> str:
    """A path as messages show it: relative where it lies below the current folder."""
    relative = os.path.relpath(file)
    return str(file.resolve()) if relative.startswith("..") else relative


def position(at: Location) -> str:
    """``file:line:column``, as editors and terminals link it."""
    return f"{at.file}:{at.line}:{at.column}"


def excerpt(at: Location) -> list[str]:
    """The source line and a caret below the place; long lines are cut around it."""
    if not at.source.strip():
        return []
    start = max(0, at.column - 1 + min(at.length, WIDTH // 2) - WIDTH)
    shown = ("…" if start else "") + at.source[start + bool(start) : start + WIDTH]
    caret = " " * (at.column - 1 - start) + "^" * max(1, min(at.length, start + WIDTH - at.column + 1))
    return [f"{at.line:5} | {shown.rstrip()}", f"      | {caret}"]


def raise_problems(problems: Iterable[Problem]) -> None:
    """Raise a ConfigError that lists all problems, in the order of the files.

    A value that several references use is reported once.

    Raises:
        ConfigError: where there is any problem.
    """
    once = {(one.at, one.message): one for one in reversed(list(problems))}
    texts = [str(one) for one in sorted(once.values(), key=_order)]
    if texts:
        count = f"{len(texts)} problems" if len(texts) > 1 else "1 problem"
        raise ConfigError("\n\n".join([*texts, f"{count} found"]))


def _order(one: Problem) -> tuple[str, int, int]:
    return one.at.file, one.at.line, one.at.column
