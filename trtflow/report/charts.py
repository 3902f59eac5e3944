"""The page's charts: error by depth, ranges, and the search."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from trtflow import text as figures
from trtflow.precision import FP32, ROWS, Format, Precision
from trtflow.report.layers import Row, broken
from trtflow.report.model import Comparison, Evaluation, FrontPoint, LayerStatistics
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


def errors(rows: Sequence[Row], comparisons: Sequence[Comparison], kept: Collection[str]) -> Chart:
    """SQNR of every layer by depth, one series a candidate; exact layers on top, non-finite ones at the bottom."""
    values = [sqnr for row in rows for item in row.statistics if (sqnr := _measured(item)) is not None]
    # Bounded: FP32 rounding itself is near 150 dB, and below -40 dB nothing is left to tell apart.
    high = 20 * math.ceil(min(160.0, max(60.0, *values, 0.0)) / 20)
    low = 20 * math.floor(max(-40.0, min(0.0, *values, 0.0)) / 20)
    place = scale(low, high)
    series = tuple(
        _error_series(item.name, slot, [row.statistics[slot] for row in rows], place)
        for slot, item in enumerate(comparisons)
    )
    ticks = [Tick(place(value), f"{value}") for value in range(low, high + 1, 20)]
    lanes = [Tick(ABOVE, "exact", "lane"), Tick(BELOW, "NaN, inf", "lane")]
    lowest = min(rows, key=lambda row: _order(row.statistics[0]), default=None)
    where = f"; worst under {comparisons[0].name}: {lowest.layer.node}" if lowest and comparisons else ""
    return Chart(
        "errors",
        f"Signal to quantisation noise in dB for {len(rows)} layers in topological order{where}",
        series,
        (*ticks, *lanes),
        steps(len(rows)),
        _kept_bands(rows, kept),
    )


def _order(statistics: LayerStatistics | None) -> float:
    if statistics is None or statistics.sqnr_db is None:
        return math.inf
    return -math.inf if broken(statistics) or math.isnan(statistics.sqnr_db) else statistics.sqnr_db


def _measured(statistics: LayerStatistics | None) -> float | None:
    """The SQNR that a scale can show."""
    if statistics is None or broken(statistics) or statistics.sqnr_db is None:
        return None
    return statistics.sqnr_db if math.isfinite(statistics.sqnr_db) else None


def _error_point(statistics: LayerStatistics | None, place: Scale) -> float | None:
    """The height of a layer's mark, None where there is nothing to show."""
    if statistics is None:
        return None
    if broken(statistics):
        return BELOW
    sqnr = statistics.sqnr_db
    if sqnr is None or math.isnan(sqnr):
        return None
    return place(sqnr) if math.isfinite(sqnr) else ABOVE if sqnr > 0 else BELOW


def _error_series(name: str, slot: int, layers: Sequence[LayerStatistics | None], place: Scale) -> Series:
    xs = columns(len(layers))
    heights = [_error_point(item, place) for item in layers]
    marks = [(x, y) if y is not None else None for x, y in zip(xs, heights, strict=True)]
    on_scale = [mark if _measured(item) is not None else None for mark, item in zip(marks, layers, strict=True)]
    # The lanes are dots at any number of layers: a line along them would suggest a value.
    shown = [
        mark
        for mark, measured in zip(marks, on_scale, strict=True)
        if mark and (measured is None or len(layers) <= DOTS_UP_TO)
    ]
    return Series(name, slot, line(on_scale), dots(shown))


def shares(rows: Sequence[Row], comparisons: Sequence[Comparison], kept: Collection[str]) -> Chart:
    """The share of values that deviate by more than 10 %, by depth."""
    place = scale(0.0, 1.0, margin=4.0)
    xs = columns(len(rows))
    series = []
    for slot, item in enumerate(comparisons):
        layers = [row.statistics[slot] for row in rows]
        points = [
            (x, place(layer.differing_share)) if layer and layer.differing_share is not None else None
            for x, layer in zip(xs, layers, strict=True)
        ]
        series.append(Series(item.name, slot, line(points), ""))
    ticks = tuple(Tick(place(value), f"{value:.0%}") for value in (0.0, 0.5, 1.0))
    alt = f"Share of values that deviate by more than 10 % for {len(rows)} layers"
    return Chart("shares", alt, tuple(series), ticks, steps(len(rows)), _kept_bands(rows, kept))


def _limits(low: Format) -> tuple[float, ...]:
    """The largest value and the smallest normal number, where the range is the format's own and not far away."""
    return () if low.uniform or low.name == FP32 else (low.largest, low.smallest_normal)


def ranges(rows: Sequence[Row], low: Precision) -> Chart:
    """The largest magnitude of every layer in the reference, against the limits of the low format (log scale)."""
    amax = [next((item.reference_amax for item in row.statistics if item), None) for row in rows]
    limits = _limits(ROWS[low])
    finite = [value for value in (*amax, *limits) if value is not None and 0 < value < math.inf]
    bottom, top = _decades(finite)
    place = scale(bottom, top, log=True)
    over = [value is not None and bool(limits) and not value <= limits[0] for value in amax]
    points = [_range_point(value, place) for value in amax]
    marks = list(zip(columns(len(rows)), points, over, strict=True))
    inside = dots((x, y) for x, y, beyond in marks if y is not None and not beyond)
    outside = dots((x, y) for x, y, beyond in marks if y is not None and beyond)
    alt = f"Largest magnitude of {len(rows)} layers on a logarithmic scale; {sum(over)} beyond {low}'s range"
    return Chart(
        "ranges",
        alt,
        (Series("inside", 0, "", inside), Series("outside", 1, "", outside)),
        (*_decade_ticks(bottom, top, place), *_limit_ticks(limits, place)),
        steps(len(rows)),
        _limit_bands(limits, place),
    )


def _range_point(value: float | None, place: Scale) -> float | None:
    if value is None:
        return None
    if value == 0:
        return BELOW
    return place(value) if math.isfinite(value) else ABOVE


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
        Tick(place(value), f"{figures.number(value)}, {text}", kind)
        for value, (kind, text) in zip(limits, kinds, strict=False)
    ]


def _limit_bands(limits: Sequence[float], place: Scale) -> tuple[Band, ...]:
    if not limits:
        return ()
    top, bottom = (place(value) for value in limits)
    return Band(0, top, "beyond"), Band(bottom, HEIGHT - bottom, "tiny")


def search(evaluations: Sequence[Evaluation]) -> Chart:
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
    ticks = tuple(Tick(place(math.log1p(value)), figures.count(value)) for value in values)
    alt = f"Nodes in high precision in each of {len(evaluations)} evaluations"
    return Chart("search", alt, (trail, *series), ticks, steps(max(1, len(evaluations))))


def pareto(front: Sequence[FrontPoint]) -> Chart:
    """Error against cost: SQNR upwards, the share of the work that is in high precision to the right."""
    most = max((point.cost_share for point in front), default=0.0) or 1.0
    levels = [point.error_db for point in front if point.error_db is not None and math.isfinite(point.error_db)]
    low, high = 20 * math.floor(min(levels, default=0.0) / 20), 20 * (math.floor(max(levels, default=60.0) / 20) + 1)
    place = scale(low, high)
    margin = 0.03 * WIDTH
    spots = [
        (margin + point.cost_share / most * (WIDTH - 2 * margin), _level(point.error_db, place)) for point in front
    ]
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


def _level(error_db: float | None, place: Scale) -> float:
    if error_db is None or error_db == -math.inf or math.isnan(error_db):
        return BELOW
    return ABOVE if error_db == math.inf else place(error_db)
