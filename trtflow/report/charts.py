"""The page's charts: error by depth, ranges, and the search."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from trtflow import text
from trtflow.files.search import EvaluationEntry, FrontPoint
from trtflow.numerics.record import Figures
from trtflow.precision import FP32, ROWS, Format, Precision
from trtflow.report.layers import Row, broken, level
from trtflow.report.plot import (
    ABOVE,
    BELOW,
    HEIGHT,
    WIDTH,
    Band,
    Chart,
    Scale,
    Series,
    Tick,
    columns,
    dots,
    line,
    scale,
    steps,
)

DOTS_UP_TO = 160  # more layers than this are drawn as lines only: dots would touch


def _kept_bands(rows: Sequence[Row], kept: Collection[str]) -> tuple[Band, ...]:
    width = 100 / max(1, len(rows))
    return tuple(
        Band(index * width, width, "kept", row.layer.node) for index, row in enumerate(rows) if row.layer.node in kept
    )


def errors(rows: Sequence[Row], candidates: Sequence[str], kept: Collection[str]) -> Chart:
    """SQNR of every layer by depth, one series a candidate; exact layers on top, non-finite ones at the bottom."""
    values = [item.sqnr_db for row in rows for item in row.figures if _on_scale(item)]
    # Bounded: FP32 rounding itself is near 150 dB, and below -40 dB nothing is left to tell apart.
    high = 20 * math.ceil(min(160.0, max(60.0, *values, 0.0)) / 20)
    low = 20 * math.floor(max(-40.0, min(0.0, *values, 0.0)) / 20)
    place = scale(low, high)
    series = tuple(
        _error_series(name, slot, [row.figures[slot] for row in rows], place) for slot, name in enumerate(candidates)
    )
    ticks = [Tick(place(value), f"{value}") for value in range(low, high + 1, 20)]
    lanes = [Tick(ABOVE, "exact", "lane"), Tick(BELOW, "NaN, inf", "lane")]
    lowest = min(rows, key=lambda row: _level(row.figures[0]), default=None)
    where = f"; worst under {candidates[0]}: {lowest.layer.node}" if lowest else ""
    return Chart(
        "errors",
        f"Signal to quantization noise in dB for {len(rows)} layers in topological order{where}",
        series,
        (*ticks, *lanes),
        steps(len(rows)),
        _kept_bands(rows, kept),
    )


def _level(figures: Figures) -> float:
    return -math.inf if broken(figures) else level(figures)


def _on_scale(figures: Figures) -> bool:
    return math.isfinite(_level(figures))


def _error_series(name: str, slot: int, layers: Sequence[Figures], place: Scale) -> Series:
    marks = [(x, _height(_level(item), place)) for x, item in zip(columns(len(layers)), layers, strict=True)]
    drawn = [mark if _on_scale(item) else None for mark, item in zip(marks, layers, strict=True)]
    # The lanes are dots at any number of layers: a line along them would suggest a value.
    shown = [
        mark for mark, on_scale in zip(marks, drawn, strict=True) if on_scale is None or len(layers) <= DOTS_UP_TO
    ]
    return Series(name, slot, line(drawn), dots(shown))


def _height(value: float, place: Scale) -> float:
    """The height of a mark; what is infinite stands outside the scale."""
    return place(value) if math.isfinite(value) else ABOVE if value > 0 else BELOW


def shares(rows: Sequence[Row], candidates: Sequence[str], kept: Collection[str]) -> Chart:
    """The share of values that deviate by more than 10 %, by depth."""
    place = scale(0.0, 1.0, margin=4.0)
    xs = columns(len(rows))
    series = []
    for slot, name in enumerate(candidates):
        heights = (place(row.figures[slot].differing_share) for row in rows)
        series.append(Series(name, slot, line(zip(xs, heights, strict=True)), ""))
    ticks = tuple(Tick(place(value), f"{value:.0%}") for value in (0.0, 0.5, 1.0))
    alt = f"Share of values that deviate by more than 10 % for {len(rows)} layers"
    return Chart("shares", alt, tuple(series), ticks, steps(len(rows)), _kept_bands(rows, kept))


def _limits(low: Format) -> tuple[float, ...]:
    """The largest value and the smallest normal number, where the range is the format's own and not far away."""
    return () if low.uniform or low.name == FP32 else (low.largest, low.smallest_normal)


def ranges(rows: Sequence[Row], low: Precision) -> Chart:
    """The largest magnitude of every layer in the reference, against the limits of the low format (log scale)."""
    amax = [row.figures[0].ref_amax for row in rows]
    limits = _limits(ROWS[low])
    bottom, top = _decades([value for value in (*amax, *limits) if 0 < value < math.inf])
    place = scale(bottom, top, log=True)
    over = [bool(limits) and value > limits[0] for value in amax]
    heights = [_height(value, place) if value else BELOW for value in amax]
    marks = list(zip(columns(len(rows)), heights, over, strict=True))
    inside = dots((x, y) for x, y, beyond in marks if not beyond)
    outside = dots((x, y) for x, y, beyond in marks if beyond)
    alt = f"Largest magnitude of {len(rows)} layers on a logarithmic scale; {sum(over)} beyond {low}'s range"
    return Chart(
        "ranges",
        alt,
        (Series("inside", 0, "", inside), Series("outside", 1, "", outside)),
        (*_decade_ticks(bottom, top, place), *_limit_ticks(limits, place)),
        steps(len(rows)),
        _limit_bands(limits, place),
    )


def _decades(values: Sequence[float]) -> tuple[float, float]:
    exponents = [min(50.0, max(-50.0, math.log10(value))) for value in values] or [0.0]
    return 10.0 ** math.floor(min(exponents)), 10.0 ** (math.floor(max(exponents)) + 1)


def _decade_ticks(bottom: float, top: float, place: Scale) -> list[Tick]:
    first, last = round(math.log10(bottom)), round(math.log10(top))
    step = max(1, math.ceil((last - first) / 6))
    return [Tick(place(10.0**power), f"1e{power}") for power in range(first, last + 1, step)]


def _limit_ticks(limits: Sequence[float], place: Scale) -> list[Tick]:
    kinds = (("limit", "overflows above"), ("limit under", "loses digits below"))
    return [
        Tick(place(value), f"{text.number(value)}, {what}", kind)
        for value, (kind, what) in zip(limits, kinds, strict=False)
    ]


def _limit_bands(limits: Sequence[float], place: Scale) -> tuple[Band, ...]:
    if not limits:
        return ()
    top, bottom = (place(value) for value in limits)
    return Band(0, top, "beyond"), Band(bottom, HEIGHT - bottom, "tiny")


def search(evaluations: Sequence[EvaluationEntry]) -> Chart:
    """How many nodes were high in each evaluation; three series: accepted, refused, not measured."""
    most = max((item.high for item in evaluations), default=1)
    place = scale(0.0, math.log1p(max(1, most)))
    xs = columns(max(1, len(evaluations)))
    points = [(x, place(math.log1p(item.high))) for x, item in zip(xs, evaluations, strict=False)]
    outcomes = (("accepted", True), ("refused", False), ("not measured", None))
    series = tuple(
        Series(
            name, slot, "", dots(p for p, item in zip(points, evaluations, strict=True) if item.accepted is wanted)
        )
        for slot, (name, wanted) in enumerate(outcomes)
    )
    trail = Series("trail", 3, line(points), "")
    values = sorted({0, most, *(10**power for power in range(5) if 10**power < 0.6 * most)})
    ticks = tuple(Tick(place(math.log1p(value)), text.count(value)) for value in values)
    alt = f"Nodes in high precision in each of {len(evaluations)} evaluations"
    return Chart("search", alt, (trail, *series), ticks, steps(max(1, len(evaluations))))


def pareto(front: Sequence[FrontPoint]) -> Chart:
    """Error against cost: SQNR upwards, the share of the work that is in high precision to the right."""
    most = max((point.cost for point in front), default=0.0) or 1.0
    levels = [point.sqnr for point in front if point.sqnr is not None and math.isfinite(point.sqnr)]
    low, high = 20 * math.floor(min(levels, default=0.0) / 20), 20 * (math.floor(max(levels, default=60.0) / 20) + 1)
    place = scale(low, high)
    margin = 0.03 * WIDTH
    spots = [(margin + point.cost / most * (WIDTH - 2 * margin), _plan_height(point.sqnr, place)) for point in front]
    series = tuple(
        Series(
            name, slot, "", dots(spot for spot, point in zip(spots, front, strict=True) if point.accepted is wanted)
        )
        for slot, (name, wanted) in enumerate((("accepted", True), ("refused", False)))
    )
    ticks = tuple(Tick(place(value), f"{value}") for value in range(low, high + 1, 20))
    across = tuple(Tick(3 + 94 * share, f"{share * most:.1%}") for share in (0.0, 0.5, 1.0))
    trail = Series("trail", 3, line(spots), "")
    return Chart("search", f"Error against cost of {len(front)} plans", (trail, *series), ticks, across)


def _plan_height(sqnr: float | None, place: Scale) -> float:
    return BELOW if sqnr is None else _height(sqnr, place)
