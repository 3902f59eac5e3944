"""The parts of a chart: numbers in, positions and SVG path data out.

Every chart is drawn in a box of 1000 by 100 that the page stretches to its width, with strokes that do not scale:
a dot is a line of no length with round ends. Labels are HTML beside the box, so text keeps its size on a phone.
Made by hand because a chart library would cost 0.8 s of start-up and 200 kB, and know nothing of dark mode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 100.0
LANE = 11.0  # height kept free above and below the scale for what no scale can hold: infinity, NaN, zero
ABOVE, BELOW = 2.5, HEIGHT - 2.5  # where such marks stand

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A labelled line across the chart; ``at`` in percent from the top (or from the left)."""

    at: float
    label: str
    kind: str = "grid"


@dataclass(frozen=True)
class Series:
    """One candidate's marks: path data for a line, and for dots."""

    name: str
    slot: int
    line: str
    dots: str


@dataclass(frozen=True)
class Band:
    """A shaded stretch, in percent: of the height (``kind`` beyond, tiny) or of the width (kept, by ``node``)."""

    at: float
    extent: float
    kind: str
    node: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart that is ready to be drawn. ``alt`` says in words what it shows."""

    name: str
    alt: str
    series: tuple[Series, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    bands: tuple[Band, ...] = ()


Scale = Callable[[float], float]


def scale(low: float, high: float, *, log: bool = False, margin: float = LANE) -> Scale:
    """A map of ``low``…``high`` onto the box's height, larger values higher; values outside stay at the edge."""
    project: Scale = math.log10 if log else float
    bottom, top = project(low), project(high)

    def place(value: float) -> float:
        share = (project(value) - bottom) / (top - bottom)
        return HEIGHT - margin - min(1.0, max(0.0, share)) * (HEIGHT - 2 * margin)

    return place


def columns(count: int) -> list[float]:
    """The middle of each of ``count`` equal columns."""
    return [(index + 0.5) * WIDTH / count for index in range(count)]


def line(points: Iterable[Point | None]) -> str:
    """Path data through the points; a None breaks the line."""
    parts, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        parts.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return "".join(parts)


def dots(points: Iterable[Point]) -> str:
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)


def steps(count: int) -> tuple[Tick, ...]:
    """Labels along a horizontal axis of ``count`` columns: about six, at round numbers."""
    rough = max(1.0, count / 6)
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(1, int(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)))
    return tuple(Tick(100 * (index + 0.5) / count, str(index)) for index in range(0, count, step))
