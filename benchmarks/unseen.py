"""Whether what is accepted holds on samples that nobody has seen, and what the report said of it.

    python benchmarks/unseen.py [NET ...] [--seeds 1] [--first 0] [--fresh 200]

Each network is searched on 16 to 24 samples of its own (ranges come from 32 others), in FP16 and in INT8, at a
bound near what the format reaches on them (1 dB above everything low, and 3 dB below) or at an agreement with FP32 of
0.9. ``seen`` is the figure on all of its samples, ``unseen`` on those that no choice saw, ``bound`` what it is at
least with 95 % confidence, ``fresh`` the figure on samples made afterwards. A network that is proven and misses its
condition on these is marked WRONG, and the script ends with 1. A dash: nothing was held out in the end.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from onnx import ModelProto
from unseen_nets import NETS, Net, samples

import trtflow
from trtflow.files.outcomes import VerdictDocument
from trtflow.files.scales import Scales
from trtflow.files.search import SearchDocument
from trtflow.numerics.accept import Accept
from trtflow.tasks.judge import Conditions

BUDGET = trtflow.Budget(evaluations=48)
SLACKS = (1.0, -3.0)  # dB
LINE = "{:<15} {:<5} {:<16} {:<20} {:>7} {:>7} {:>7} {:>7}"
HEAD = LINE.format("network", "in", "condition", "verdict", "seen", "unseen", "bound", "fresh")


@dataclass(frozen=True)
class Candidate:
    """What a search decided, as the file that it is rewritten to."""

    model: ModelProto
    searches: tuple[SearchDocument, ...]


@dataclass(frozen=True)
class Row:
    """One line: a verdict, and the figure on fresh samples."""

    net: str
    low: str
    metric: str
    least: float
    verdict: VerdictDocument
    fresh: float

    @property
    def state(self) -> str:
        return "proven" if self.verdict.proven else "accepted, not proven" if self.verdict.accepted else "refused"

    @property
    def bound(self) -> float:
        (condition,) = Accept.parse(self.verdict.accept).conditions
        return condition.at(self.verdict.bounds[condition.name])

    @property
    def missed(self) -> bool:
        return self.verdict.accepted and self.fresh < self.least

    @property
    def wrong(self) -> bool:
        return self.verdict.proven and self.missed

    def __str__(self) -> str:
        unseen = self.verdict.unseen.candidate[self.metric] if self.verdict.unseen else math.nan
        figures = (self.verdict.candidate[self.metric], unseen, self.bound, self.fresh)
        condition = f"{self.metric} {self.least:.3g}"
        shown = ("-" if math.isnan(figure) else f"{figure:.4g}" for figure in figures)
        remark = "  WRONG" if self.wrong else "  missed, as said" if self.missed else ""
        return LINE.format(self.net, self.low, condition, self.state, *shown) + remark


def rows(net: Net, seed: int, fresh: int) -> Iterator[Row]:
    """All lines of one network."""
    model = net.make(seed, net.depth, net.wide)
    own, new = samples(net.fed, net.samples, 100 + seed), samples(net.fed, fresh, 900 + seed)
    scales = trtflow.calibrate(model, samples(net.fed, 32, 500 + seed)).scales
    for low in ("fp16", "int8"):
        everything = trtflow.rewrite(model, trtflow.PrecisionPlan(low), scales).model
        reached = trtflow.validate(model, everything, own).candidate["sqnr"]
        bounds = [round(reached + slack, 1) for slack in SLACKS] if net.metric == "sqnr" else [0.9]
        for least in bounds:
            accept: Conditions = {net.metric: {"min": least}}
            found = search(model, own, scales, low, accept)
            verdict = trtflow.validate(model, found.model, own, accept=accept, searches=found.searches)
            again = trtflow.validate(model, found.model, new, accept=accept)
            yield Row(net.name, low, net.metric, least, verdict, again.candidate[net.metric])


def search(model: ModelProto, own: trtflow.Dataset, scales: Scales, low: str, accept: Conditions) -> Candidate:
    """What is rewritten: the floating-point plan, and INT8 on top of it where that is ``low``."""
    settings = trtflow.BisectSettings(budget=BUDGET, baselines=())
    floats = trtflow.bisect(model, own, accept=accept, settings=settings)
    if low == "fp16":
        return Candidate(trtflow.rewrite(model, floats.plan).model, (floats.search,))
    budgeted = trtflow.SearchSettings(budget=BUDGET)
    both = trtflow.quantize(model, own, scales, base=floats.plan, accept=accept, settings=budgeted)
    return Candidate(trtflow.rewrite(model, both.plan, scales).model, (floats.search, both.search))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", metavar="NET")
    parser.add_argument("--seeds", type=int, default=1, help="networks and samples of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed; 0 and 1 chose the rules")
    parser.add_argument("--fresh", type=int, default=200, help="samples that nobody has seen")
    given = parser.parse_args()
    found: list[Row] = []
    print(HEAD)
    for net in (net for net in NETS if not given.nets or net.name in given.nets):
        for seed in range(given.first, given.first + given.seeds):
            for row in rows(net, seed, given.fresh):
                found.append(row)
                print(row, flush=True)
    counts = {state: [row for row in found if row.state == state] for state in dict.fromkeys(r.state for r in found)}
    for state, of in counts.items():
        print(f"{state}: {len(of)}, of which {sum(row.missed for row in of)} miss on fresh samples")
    return int(any(row.wrong for row in found))


if __name__ == "__main__":
    sys.exit(main())
