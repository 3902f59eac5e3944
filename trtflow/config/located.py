"""Values that know where they were written.

A YAML file becomes a tree of ``Located``. Merging, overriding and substituting move these about, so the
position of a value travels with it and no separate map of origins has to be kept in step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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
