"""Print non-blank lines of tests and of sources, room by room.

Usage: python scripts/test_ratio.py [ROOM ...]

A module at the top of the package is counted with the others at the top; what tests share, and tests of examples
and of benchmarks, stand by themselves without a ratio.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOP = "(top)"


def lines_by_room(folder: Path) -> Counter[str]:
    """Non-blank lines of the Python files below ``folder``, by its sub-folders."""
    found: Counter[str] = Counter()
    for file in folder.rglob("*.py"):
        parts = file.relative_to(folder).parts
        text = file.read_text(encoding="utf-8")
        found[parts[0] if len(parts) > 1 else TOP] += sum(bool(line.strip()) for line in text.splitlines())
    return found


def table(tests: Counter[str], sources: Counter[str], rooms: Iterable[str]) -> list[str]:
    """A line a room, and one for all."""
    rows = [(room, tests[room], sources[room]) for room in rooms]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    head = f"{'room':<14} {'tests':>7} {'sources':>7} {'ratio':>6}"
    return [head, *(f"{name:<14} {test:>7} {source:>7} {_ratio(test, source):>6}" for name, test, source in rows)]


def _ratio(tests: int, sources: int) -> str:
    return f"{tests / sources:.2f}" if sources else "-"


def main(chosen: list[str]) -> None:
    """Print the table of the chosen rooms, or of all."""
    tests, sources = lines_by_room(ROOT / "tests"), lines_by_room(ROOT / "trtflow")
    sys.stdout.write("\n".join(table(tests, sources, chosen or sorted({*tests, *sources}))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
