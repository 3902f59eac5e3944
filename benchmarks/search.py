"""What each search keeps and what it costs, on networks whose truth is known and on real ones.

    python benchmarks/search.py [CASE ...] [--models DIR] [--json FILE]

Every strategy asks the same oracle: the switchable emulator, accepting an output error (relative L2 over all
samples) within the case's tolerance. One case has an engine that disagrees; the baselines, which know no emulator,
ask that one throughout. A probe looks at the two hardest of the samples. ``passes`` is what was computed, in
passes over all samples, the one that ranges come from included; ``x plain`` is the time in units of a plain FP32
pass, which on these tiny networks is mostly the overhead of calls. The baselines move single nodes, as their tools
do. DIR may hold ``ppocr-det.onnx`` and ``minilm.onnx``; a model that is not there is left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from planted import CASES
from search_cases import Case, make_case, real_models

from trtflow.search.ledger import Evaluation
from trtflow.search.run import SearchResult, search

RANGE_RULE = 512.0  # AutoCast's default bound on activations
BASELINES = ("bisect", "bisect-reverse", "linear", "autocast-rule", "revert-one", "alone-low-binary", "ddmin")


@dataclass(frozen=True)
class Row:
    """One line of the table. ``exact``: the planted set was found; None where there is a choice."""

    case: str
    strategy: str
    evaluations: int
    passes: float
    plain_passes: float
    kept: int
    cost: float
    minimal: bool
    accepted: bool
    exact: bool | None
    builds: int = 0
    agrees: bool = True


def run(case: Case, strategy: str) -> SearchResult:
    """One strategy on one case."""
    if strategy == "trtflow":
        return search(case.problem, case.oracle, confirm=case.engine)
    if strategy == "autocast-rule":
        return autocast(case)
    return search(case.nodes, case.engine, strategy=strategy)


def autocast(case: Case) -> SearchResult:
    """AutoCast's rule: FP32 for whatever reads or writes a value beyond 512. No search; measured once."""
    kept = frozenset(node for node in case.nodes.nodes if case.ranges.get(node, 0.0) > RANGE_RULE)
    plan = case.nodes.plan(kept)
    outcome = case.engine.evaluate(plan)
    entry = Evaluation(0, "rule", len(kept), case.nodes.cost(kept), outcome, plan)
    return SearchResult(
        plan, outcome.accepted, False, (entry,), outcome, outcome, outcome, entry.cost, outcome.error, "by rule", 0
    )


def measure(case: Case, strategy: str) -> Row:
    """Run one strategy on one case."""
    start = time.perf_counter()
    result = run(case, strategy)
    seconds = time.perf_counter() - start
    kept = frozenset(result.plan.nodes)
    ranges = float(strategy in ("trtflow", "autocast-rule"))
    return Row(
        case=case.title,
        strategy=strategy,
        evaluations=sum(entry.kind != "build" for entry in result.evaluations),
        passes=result.passes + ranges,
        plain_passes=seconds / case.oracle.plain_seconds + ranges,
        kept=len(kept),
        cost=case.problem.cost(kept),
        minimal=result.accepted and is_one_minimal(case, kept),
        accepted=result.accepted,
        exact=None if case.needed is None else kept == case.needed,
        builds=result.builds,
        agrees=case.engine is case.oracle,
    )


def is_one_minimal(case: Case, kept: frozenset[str]) -> bool:
    """Asked of the oracle, node by node: no kept node can go low at no more cost."""
    for node in kept - case.problem.forced:
        less = kept - {node}
        cheaper = case.problem.cost(less) <= case.problem.cost(kept) + 1e-12
        if cheaper and case.engine.evaluate(case.problem.plan(less)).accepted:
            return False
    return True


COLUMNS = f"{'evals':>5} {'passes':>7} {'x plain':>7} {'kept':>4} {'cost':>8} 1-min exact builds"
HEAD = f"{'case':34} {'strategy':17} {COLUMNS}"


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    return "\n".join(line(row) for row in rows)


def line(row: Row) -> str:
    """One row as text."""
    exact = {None: "-", True: "yes", False: "no"}[row.exact]
    numbers = f"{row.evaluations:5} {row.passes:7.1f} {row.plain_passes:7.1f} {row.kept:4} {row.cost:8.2%}"
    verdict = f"{'yes' if row.minimal else 'no':5} {exact:5} {row.builds or '':>6}"
    return f"{row.case:34} {row.strategy:17} {numbers} {verdict}{'' if row.accepted else '  tolerance missed'}"


def failures(rows: Sequence[Row]) -> list[str]:
    """What does not hold of the claims: the exact set, 1-minimal, no baseline cheaper, one build beyond the ends."""
    found = []
    for own in (row for row in rows if row.strategy == "trtflow"):
        others = [row for row in rows if row.case == own.case and row.strategy != "trtflow" and row.accepted]
        cheapest = min((row.cost for row in others), default=math.inf)
        checks = {
            "is not accepted": own.accepted,
            "misses the planted set": own.exact is not False,
            "is not 1-minimal": own.minimal,
            f"keeps more than a baseline ({own.cost:.3%} > {cheapest:.3%})": own.cost <= cheapest + 1e-9,
            f"needs {own.builds} builds": own.builds <= 3 or not own.agrees,
        }
        found += [f"{own.case}: trtflow {text}" for text, holds in checks.items() if not holds]
    return found


def main() -> None:
    """Print the table; end with status 1 when a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all when none is named")
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "models" / "fetched")
    parser.add_argument("--strategies", nargs="*", default=list(BASELINES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    print(HEAD)
    planted = [CASES[name]() for name in (options.cases or CASES) if name in CASES]
    real = [case for case in real_models(options.models) if not options.cases or case.title in options.cases]
    for each in (*planted, *real):
        case = make_case(each)
        rows += [measure(case, strategy) for strategy in ("trtflow", *options.strategies)]
        print(table([row for row in rows if row.case == case.title]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if broken := failures(rows):
        raise SystemExit("\n".join(broken))


if __name__ == "__main__":
    main()
