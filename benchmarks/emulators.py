"""What one candidate of a search costs: a session of its own, or one session with a switch per node.

    python benchmarks/emulators.py [--models DIR]

``own`` instruments the model for the plan, creates a session and runs the samples; ``switched`` runs them in the
session that all plans share, whose making is ``once``. Plans: everything low, every other node low, one node low.
Seconds, the best of three; ``gain`` is own / switched for one sample, as a probe is, and for all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from planted import CASES, Planted
from search_cases import real_models

from trtflow.emulation.emulate import instrument
from trtflow.emulation.switchable import switchable
from trtflow.model.session import create_session
from trtflow.plan import PrecisionPlan

Feeds = Sequence[Mapping[str, Any]]
REPEATS = 3


def seconds(action: Callable[[], object], repeats: int = REPEATS) -> float:
    """The shortest of ``repeats`` runs of ``action``."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def run(session: Any, feeds: Feeds, more: Mapping[str, Any]) -> None:
    """Every sample once."""
    for feed in feeds:
        session.run(None, {**feed, **more})


def measure(case: Planted) -> list[str]:
    """The lines of the table for one model."""
    start = time.perf_counter()
    switched = switchable(case.model, "fp16")
    shared = create_session(switched.model)
    once = time.perf_counter() - start
    plain = create_session(case.model)
    pass_ = seconds(lambda: run(plain, case.feeds, {}))
    nodes = sorted(switched.switches)
    plans = {
        "all": PrecisionPlan("fp16"),
        "half": PrecisionPlan("fp16", dict.fromkeys(nodes[::2], "fp32")),
        "one": PrecisionPlan("fp16", dict.fromkeys(nodes[1:], "fp32")),
    }
    lines = []
    for name, plan in plans.items():
        make = seconds(lambda plan=plan: create_session(instrument(case.model, plan)), 2)  # type: ignore[misc]
        own = create_session(instrument(case.model, plan))
        own_pass = seconds(lambda own=own: run(own, case.feeds, {}))  # type: ignore[misc]
        switches = switched.feed(plan)
        switched_pass = seconds(lambda switches=switches: run(shared, case.feeds, switches))  # type: ignore[misc]
        count = len(case.feeds)
        probe = (make + own_pass / count) / (switched_pass / count)
        lines.append(
            f"{case.title:34} {name:5} {pass_:7.3f} {make:7.3f} {own_pass:7.3f} {once:7.3f} {switched_pass:9.3f} "
            f"{probe:6.1f} {(make + own_pass) / switched_pass:6.1f}"
        )
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "models" / "fetched")
    options = parser.parse_args()
    print(
        f"{'model':34} {'low':5} {'plain':>7} {'make':>7} {'own':>7} {'once':>7} {'switched':>9}   gain: probe, all"
    )
    for case in (CASES["overflow-1"](), *real_models(options.models)):
        print("\n".join(measure(case)), flush=True)


if __name__ == "__main__":
    main()
