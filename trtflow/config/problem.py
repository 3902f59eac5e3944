"""What is wrong with a configuration, where, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from trtflow.config.located import Located, Location
from trtflow.errors import ConfigError

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


def suggestion(word: object, choices: Iterable[str]) -> str:
    """``did you mean 'x'?``, or the choices when none is close; empty without choices."""
    known = sorted(choices)
    close = get_close_matches(str(word), known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"one of: {', '.join(known)}" if known else ""


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
