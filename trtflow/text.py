"""How messages speak: suggestions, numbers, percentages.

Numbers are plain ASCII, so that any terminal can show them; the page typesets them further.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

NOTHING = "-"


def did_you_mean(word: object, choices: Iterable[str], before: str = "") -> str:
    """``did you mean 'x'?`` with ``before`` in front of it; empty where no choice is close."""
    close = get_close_matches(str(word), list(choices), n=1)
    return f"{before}did you mean '{close[0]}'?" if close else ""


def suggestion(word: object, choices: Iterable[str]) -> str:
    """``did you mean 'x'?``, or the choices when none is close; empty without choices."""
    known = sorted(choices)
    return did_you_mean(word, known) or (f"one of: {', '.join(known)}" if known else "")


def listed(words: Sequence[str], most: int = 3) -> str:
    """The first ``most`` words, and how many there are beyond them."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def one_line(said: str) -> str:
    """The lines of ``said`` in one; a semicolon follows an indented one, a command, say, that ends as no sentence."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip()]
    ended = (f"{line};" if line[0] == " " and line[-1] not in ".:;,!?" else line for line in lines[:-1])
    return " ".join(" ".join((*ended, *lines[-1:])).split())


def counted(count: int, noun: str) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def six_digits(value: float) -> float:
    """Six digits say enough in a file that people read."""
    return float(f"{value:.6g}")


def number(value: float | None) -> str:
    """Four significant digits, thousands separated; scientific outside [1e-3, 1e6)."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:.0f}"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return _finite(value)


def _finite(value: float) -> str:
    if not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def count(value: float | None) -> str:
    """A whole number with its thousands separated."""
    return NOTHING if value is None else f"{value:,.0f}"


def metric(value: float | None) -> str:
    """An end metric: four decimals below 10, so that values of one metric line up."""
    if value is None or not math.isfinite(value) or abs(value) >= 10 or 0 < abs(value) < 1e-4:
        return number(value)
    return f"{value:.4f}"


def decibel(value: float | None) -> str:
    """A ratio in dB (the unit is left to the heading)."""
    return number(value) if value is None or not math.isfinite(value) else f"{value:.1f}"


def cosine(value: float | None) -> str:
    """A cosine: six decimals, because interesting ones begin with several nines."""
    return number(value) if value is None or not math.isfinite(value) else f"{value:.6f}"


def percent(share: float | None) -> str:
    """A share between 0 and 1 as a percentage; neither 0 % nor 100 % unless it is exactly that."""
    if share is None or not math.isfinite(share):
        return number(share)
    if share == 0 or math.isclose(share, 1, rel_tol=1e-9):  # a sum of shares that is all but for rounding
        return f"{share:.0%}"
    if share < 1e-4:
        return "<0.01%"
    return ">99.9%" if share > 0.999 else f"{100 * share:.{1 if share >= 0.01 else 2}f}%"


def size(value: int | None) -> str:
    """Bytes with a decimal unit."""
    if value is None:
        return NOTHING
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.{0 if value >= 100 * scale else 1}f} {unit}"
    return f"{value} B"


def duration(value: float | None) -> str:
    """Seconds, or minutes and seconds from two minutes on."""
    if value is None or not math.isfinite(value):
        return number(value)
    if value < 120:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"
