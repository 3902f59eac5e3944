"""How a mark-all comparison grows with nodes, with the size of tensors, and with samples.

    python benchmarks/scaling.py [--runs 3] [--svg benchmarks/scaling.svg]

Chains of Conv, BatchNormalization and Relu, FP32 against emulated FP16, all tensors compared, from two models in
memory to the statistics. Each point is a process of its own; the shortest of several runs counts. ``time`` is CPU
time in seconds (wall time beside it), ``memory`` the largest resident memory beyond what the process had when the
models were ready, in MB; the budget is 512 MB. ``growth``: by which power the time grows between the last two
points; 1 is linear.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compare import MEMORY, peak_mb
from compare_cases import convolutions, make_feeds


@dataclass(frozen=True)
class Case:
    """``at`` is the figure on the axis; the rest says what is compared."""

    at: float
    blocks: int
    channels: int
    side: int
    samples: int


AXES: dict[str, tuple[Case, ...]] = {
    "nodes": tuple(Case(3 * blocks, blocks, 8, 32, 2) for blocks in (17, 67, 333, 1000, 1667)),
    "MB a tensor": tuple(Case(32 * side**2 * 4e-6, 8, 32, side, 2) for side in (32, 64, 128, 256, 512)),
    "samples": tuple(Case(samples, 10, 32, 64, samples) for samples in (1, 4, 16, 64, 128)),
}


@dataclass(frozen=True)
class Point:
    """What one case took."""

    at: float
    cpu: float
    wall: float
    memory: float


def child(blocks: int, channels: int, side: int, samples: int) -> None:
    """Measure one case in this process and print it as JSON."""
    from trtflow.data import Sample
    from trtflow.emulation.emulate import instrument
    from trtflow.model.layers import layers
    from trtflow.plan import PrecisionPlan
    from trtflow.runners.lockstep import Candidate, compare_tensors

    model = convolutions(blocks, channels, side)
    low = instrument(model, PrecisionPlan("fp16"))
    tensors = [layer.tensor for layer in layers(model)]
    feeds = [Sample(feed) for feed in make_feeds(model, samples)]
    base, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
    compare_tensors(model, {"fp16": Candidate(lambda: low, "fp16")}, tensors, feeds, MEMORY, lambda *_: None)
    print(json.dumps([time.process_time() - cpu, time.perf_counter() - wall, peak_mb() - base]))


def measure(case: Case, runs: int) -> Point:
    command = [sys.executable, __file__, "--child"]
    command += [str(value) for value in (case.blocks, case.channels, case.side, case.samples)]
    done = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(runs)]  # noqa: S603
    return Point(case.at, *min(json.loads(each.stdout) for each in done))


def growth(points: Sequence[Point]) -> float:
    """The exponent of the time between the last two points."""
    a, b = points[-2:]
    return math.log(b.cpu / a.cpu) / math.log(b.at / a.at)


WIDTH, HEIGHT, LEFT, TOP = 250, 170, 46, 34
SERIES = (("cpu", "time, s", "#2a6fbb"), ("memory", "memory, MB", "#c2571a"))


def svg(found: dict[str, list[Point]]) -> str:
    """A panel for each axis, both scales logarithmic, the same heights in all: a slope of one decade is linear."""
    width = LEFT + (WIDTH + LEFT) * len(found)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 46}" '
        'font-family="sans-serif" font-size="11">',
        "<style>.g{stroke:#8884;fill:none}.l{fill:none;stroke-width:2}text{fill:#777}</style>",
    ]
    for number, (name, color) in enumerate((label, color) for _, label, color in SERIES):
        parts.append(f'<text x="{LEFT + 110 * number}" y="14" style="fill:{color}">{name}</text>')
    for number, (axis, points) in enumerate(found.items()):
        parts += panel(axis, points, LEFT + number * (WIDTH + LEFT))
    return "\n".join([*parts, "</svg>"])


def panel(axis: str, points: Sequence[Point], left: float) -> Iterator[str]:
    """One panel: decades as lines, a line and dots for each series."""
    low, high = math.floor(math.log10(points[0].at)), math.ceil(math.log10(points[-1].at))
    floor, top = -2, 3

    def x(value: float) -> float:
        return left + WIDTH * (math.log10(value) - low) / (high - low)

    def y(value: float) -> float:
        return TOP + HEIGHT * (top - math.log10(max(value, 10.0**floor))) / (top - floor)

    for power in range(floor, top + 1):
        at = y(10.0**power)
        yield f'<path class="g" d="M{left} {at:.1f}h{WIDTH}"/>'
        yield f'<text x="{left - 4}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    for power in range(low, high + 1):
        at = x(10.0**power)
        yield f'<path class="g" d="M{at:.1f} {TOP}v{HEIGHT}"/>'
        yield f'<text x="{at:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{10.0**power:g}</text>'
    yield f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 34}" text-anchor="middle">{axis}</text>'
    for field, _, color in SERIES:
        places = [(x(point.at), y(getattr(point, field))) for point in points]
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
        yield f'<path class="l" stroke="{color}" d="M{path}"/>'
        yield from (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{color}"/>' for a, b in places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--svg", type=Path, default=Path(__file__).with_suffix(".svg"))
    parser.add_argument("--child", nargs=4, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    found: dict[str, list[Point]] = {}
    for axis, cases in AXES.items():
        print(f"{axis:>12} {'time':>8} {'wall':>8} {'memory':>8} {'time a unit':>12}")
        found[axis] = []
        for case in cases:
            point = measure(case, options.runs)
            found[axis].append(point)
            each = point.cpu / point.at
            print(f"{point.at:12.4g} {point.cpu:8.3f} {point.wall:8.3f} {point.memory:8.0f} {each:12.2g}", flush=True)
        print(f"{'growth':>12} {growth(found[axis]):8.2f}\n")
    options.svg.write_text(svg(found), encoding="utf-8")
    print(options.svg)


if __name__ == "__main__":
    main()
