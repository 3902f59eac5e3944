"""Time trtflow's tensor statistics against reading the tensors, and against Polygraphy's compare_accuracy.

    python benchmarks/statistics_kernel.py [--pairs 120] [--mib 2] [--without-polygraphy]

Each case holds the pairs of tensors of one mark-all comparison. "read" is one pass of a reduction over both
tensors, "memcpy" a copy of both; the ratio to "read" is what the target of 3 is about. CPU time of one thread, the
best of seven runs (wall time of one run for Polygraphy). "numpy" is the way without a compiler.

Why a compiled kernel, measured on 2 cores of an EPYC Zen 4, nanoseconds a pair of float32 values:

read both                 0.35
C, one pass               0.5 without the histograms, 0.6 with them
numpy, blocked            3 to 5; 20 passes over blocks in the cache, and each call has its price
numba, one pass           3.4 to 6; LLVM does not vectorise its float maxima. 200 MB to install
ONNX reductions           one more pass through memory for each figure, in the session that is measured
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.exact import reduce_exactly
from trtflow.numerics.statistics import compare

Pairs = list[tuple[NDArray[Any], NDArray[Any]]]


def seconds(action: Callable[..., object], *arguments: object, runs: int = 7) -> float:
    best = float("inf")
    for _ in range(runs):
        start = time.thread_time()
        action(*arguments)
        best = min(best, time.thread_time() - start)
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


def compare_plainly(pairs: Pairs) -> None:
    for r, c in pairs[:4]:
        reduce_exactly(r, c, 17)


def polygraphy(pairs: Pairs, function: Any) -> float:
    """The wall time of Comparator.compare_accuracy, its output discarded but not disabled."""
    from polygraphy.comparator import Comparator, RunResults
    from polygraphy.logger import G_LOGGER

    results = RunResults()
    for position, name in enumerate(("reference", "candidate")):
        results.add([{f"t{i}": pair[position] for i, pair in enumerate(pairs)}], runner_name=name)
    with contextlib.redirect_stdout(None), G_LOGGER.verbosity(G_LOGGER.ERROR):
        start = time.perf_counter()
        Comparator.compare_accuracy(results, compare_func=function)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument("--mib", type=float, default=2.0)
    parser.add_argument("--without-polygraphy", action="store_true")
    options = parser.parse_args()
    print(f"{options.pairs} pairs of {options.mib:g} MiB")
    print("nanoseconds a pair of values")
    print(f"{'case':16}{'read':>7}{'memcpy':>8}{'trtflow':>9}{'/ read':>8}{'/ memcpy':>10}{'numpy':>8}{'/ read':>8}")
    for case in ("fp32", "fp32, Relu", "fp16", "fp32, 1 % NaN", "fp32, all NaN"):
        pairs = make_pairs(case, options.pairs, options.mib)
        each = 1e9 / sum(r.size for r, _ in pairs)
        reading, copying, comparing = (seconds(action, pairs) * each for action in (read, copy, compare_all))
        plain = seconds(compare_plainly, pairs, runs=2) * each * len(pairs) / 4
        print(
            f"{case:16}{reading:7.2f}{copying:8.2f}{comparing:9.2f}{comparing / reading:8.1f}"
            f"{comparing / copying:10.1f}{plain:8.1f}{plain / reading:8.1f}"
        )
        if case in ("fp32", "fp16") and not options.without_polygraphy:
            report_polygraphy(pairs, comparing / each)


def report_polygraphy(pairs: Pairs, comparing: float) -> None:
    from polygraphy.comparator import CosineSimilarityCompareFunc

    functions = {"default": None, "cosine only": CosineSimilarityCompareFunc()}
    for name, function in functions.items():
        taken = polygraphy(pairs, function)
        print(f"  Polygraphy, {name}: {taken:.2f} s, {taken / comparing:.0f} times as long")


if __name__ == "__main__":
    main()
