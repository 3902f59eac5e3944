"""Time trtflow's tensor statistics against reading the tensors, and against Polygraphy's compare_accuracy.

    python benchmarks/statistics.py [--pairs 120] [--mib 2] [--without-polygraphy]

Each case holds the pairs of tensors of one mark-all comparison. "read" is one pass of a reduction over both
tensors, "memcpy" a copy of both; the ratio to "read" is what the target of 3 is about. Best of three runs (of one
for Polygraphy). numpy, on one core: its calls take microseconds, and two threads hinder one another at the GIL.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.statistics import compare

Pairs = list[tuple[NDArray[Any], NDArray[Any]]]


def seconds(action: Callable[..., object], *arguments: object, runs: int = 3) -> float:
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        action(*arguments)
        best = min(best, time.perf_counter() - start)
    return best


def make_pairs(case: str, count: int, mib: float) -> Pairs:
    random = np.random.default_rng(0)
    half = case == "fp16"
    size = int(mib * 2**20) // (2 if half else 4)
    pairs = []
    for _ in range(count):
        r = random.standard_normal(size, np.float32)
        c = r * (1 + np.float32(1e-3) * random.standard_normal(size, np.float32))
        if case == "fp32, Relu":
            r, c = np.maximum(r, 0), np.maximum(c, 0)
        elif case == "fp32, 1 % NaN":
            c[random.random(size) < 0.01] = np.nan
        elif case == "fp32, all NaN":
            c[:] = np.nan
        pairs.append((r.astype(np.float16), c.astype(np.float16)) if half else (r, c))
    return pairs


def read(pairs: Pairs) -> None:
    for pair in pairs:
        for x in pair:
            x.view(np.int32).max()


def copy(pairs: Pairs) -> None:
    out = np.empty_like(pairs[0][0])
    for pair in pairs:
        for x in pair:
            np.copyto(out, x)


def compare_all(pairs: Pairs) -> None:
    for r, c in pairs:
        compare(r, c)


def polygraphy(pairs: Pairs, function: Any) -> float:
    """The wall time of Comparator.compare_accuracy, its output discarded but not disabled."""
    from polygraphy.comparator import Comparator, RunResults
    from polygraphy.logger import G_LOGGER

    results = RunResults()
    for position, name in enumerate(("reference", "candidate")):
        results.add([{f"t{i}": pair[position] for i, pair in enumerate(pairs)}], runner_name=name)
    with contextlib.redirect_stdout(None), G_LOGGER.verbosity(G_LOGGER.ERROR):
        return seconds(lambda: Comparator.compare_accuracy(results, compare_func=function), runs=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument("--mib", type=float, default=2.0)
    parser.add_argument("--without-polygraphy", action="store_true")
    options = parser.parse_args()
    print(f"{options.pairs} pairs of {options.mib:g} MiB")
    print(f"{'case':16}{'read s':>9}{'memcpy s':>10}{'trtflow s':>11}{'ns/value':>10}{'/ read':>8}{'/ memcpy':>10}")
    for case in ("fp32", "fp32, Relu", "fp16", "fp32, 1 % NaN", "fp32, all NaN"):
        pairs = make_pairs(case, options.pairs, options.mib)
        reading, copying, comparing = (seconds(f, pairs) for f in (read, copy, compare_all))
        each = comparing / (len(pairs) * pairs[0][0].size) * 1e9
        print(
            f"{case:16}{reading:9.4f}{copying:10.4f}{comparing:11.4f}{each:10.2f}"
            f"{comparing / reading:8.1f}{comparing / copying:10.1f}"
        )
        if case in ("fp32", "fp16") and not options.without_polygraphy:
            report_polygraphy(pairs, comparing)


def report_polygraphy(pairs: Pairs, comparing: float) -> None:
    from polygraphy.comparator import CosineSimilarityCompareFunc

    functions = {"default": None, "cosine only": CosineSimilarityCompareFunc()}
    for name, function in functions.items():
        taken = polygraphy(pairs, function)
        print(f"  Polygraphy, {name}: {taken:.2f} s, {taken / comparing:.0f} times as long")


if __name__ == "__main__":
    main()
