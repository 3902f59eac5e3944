"""Compare all layers of FP32 with emulated FP16: trtflow against Polygraphy, on the same graphs and data.

    python benchmarks/compare.py [--models convolutions unet cloud] [--samples 1 8] [--runs 2] [--patience 900]

Both are given the same two FP32 graphs, the reference and the one that rounds to FP16, and the same samples.

trtflow     compare_tensors, as the step ``compare`` calls it: all statistics of all tensors
default     Comparator.run with all tensors marked, then compare_accuracy as it is
cosine      the same with CosineSimilarityCompareFunc, which computes the cosine and its own statistics
plain       the reference alone, nothing marked: what "running the network" costs

``compare`` is the time in the comparison, ``infer`` the time in ONNX Runtime's runs, ``all`` the wall time from two
models in memory to the result, sessions included; ``peak`` is the process's largest resident memory and ``base``
what it was before. Each case runs in a process of its own; of several runs the one with the smallest ``all`` counts.
The ratios are to trtflow's figures of the same model and number of samples. Polygraphy's output goes nowhere.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
from compare_cases import MODELS, Feeds, fetch_cloud, make_feeds

from trtflow.emulation.emulate import instrument
from trtflow.model.layers import layers
from trtflow.plan import PrecisionPlan

MEMORY = 512_000_000
Times = dict[str, float]


@contextlib.contextmanager
def clock(times: Times, name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    times[name] = times.get(name, 0.0) + time.perf_counter() - start


def clocked(times: Times, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        with clock(times, name):
            return function(*arguments)

    return call


def run_trtflow(models: list[onnx.ModelProto], tensors: list[str], feeds: Feeds, times: Times) -> None:
    from trtflow.data import Sample
    from trtflow.runners import lockstep, sessions

    lockstep.reduce_tensors = clocked(times, "compare", lockstep.reduce_tensors)
    sessions._run = clocked(times, "infer", sessions._run)
    candidates = {"fp16": lockstep.Candidate(lambda: models.pop(), "fp16")}
    samples = [Sample(feed) for feed in feeds]
    with clock(times, "all"):
        lockstep.compare_tensors(models[0], candidates, tensors, samples, MEMORY, lambda *_: None)


def run_polygraphy(
    models: list[onnx.ModelProto], tensors: list[str], feeds: Feeds, times: Times, function: Any
) -> None:
    from polygraphy.backend.onnxrt import OnnxrtRunner
    from polygraphy.comparator import Comparator
    from polygraphy.logger import G_LOGGER

    from trtflow.model.ports import mark_outputs
    from trtflow.model.session import create_session

    G_LOGGER.module_severity = G_LOGGER.ERROR
    runners = [
        OnnxrtRunner(lambda model=model: create_session(mark_outputs(model, tensors)), name=name)
        for name, model in zip(("fp32", "fp16"), models, strict=True)
    ]
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        clock(times, "all"),
    ):
        with clock(times, "infer"):
            results = Comparator.run(runners, data_loader=feeds)
        with clock(times, "compare"):
            Comparator.compare_accuracy(results, compare_func=function)


def run_default(models: list[onnx.ModelProto], tensors: list[str], feeds: Feeds, times: Times) -> None:
    run_polygraphy(models, tensors, feeds, times, None)


def run_cosine(models: list[onnx.ModelProto], tensors: list[str], feeds: Feeds, times: Times) -> None:
    from polygraphy.comparator import CosineSimilarityCompareFunc

    run_polygraphy(models, tensors, feeds, times, CosineSimilarityCompareFunc())


def run_plain(models: list[onnx.ModelProto], tensors: list[str], feeds: Feeds, times: Times) -> None:
    from trtflow.model.session import create_session

    with clock(times, "all"):
        session = create_session(models[0])
        with clock(times, "infer"):
            for feed in feeds:
                session.run(None, feed)


WAYS = {"plain": run_plain, "trtflow": run_trtflow, "default": run_default, "cosine": run_cosine}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(model: str, way: str, samples: int) -> None:
    """One case in this process; its figures as JSON on standard output."""
    reference = MODELS[model]()
    models = [reference] if way == "plain" else [reference, instrument(reference, PrecisionPlan("fp16"))]
    tensors = [layer.tensor for layer in layers(reference)]
    times: Times = {"base": peak_mb()}
    WAYS[way](models, tensors, make_feeds(reference, samples), times)
    print(json.dumps({**times, "peak": peak_mb(), "tensors": len(tensors)}))


def measure(model: str, way: str, samples: int, runs: int, patience: float) -> dict[str, float] | str:
    """The best of ``runs`` children, or why there is no figure."""
    command = [sys.executable, __file__, "--child", model, way, str(samples)]
    found: list[dict[str, float]] = []
    for _ in range(runs):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=True)  # noqa: S603
        except subprocess.TimeoutExpired:
            return f"more than {patience:.0f} s"
        except subprocess.CalledProcessError as error:
            return str((error.stderr.strip().splitlines() or [f"status {error.returncode}"])[-1])
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return min(found, key=lambda figures: figures["all"])


def report(model: str, samples: int, runs: int, patience: float) -> None:
    ours: dict[str, float] = {}
    for way in ("trtflow", "plain", "cosine", "default"):
        found = measure(model, way, samples, runs if way in ("trtflow", "plain") else 1, patience)
        if isinstance(found, str):
            print(f"{model:13} {samples:7}  {way:8} {found}", flush=True)
            continue
        ours = ours or found
        compare = found.get("compare", 0)
        line = f"{model:13} {samples:7}  {way:8} {compare:9.2f} {found['infer']:8.2f} {found['all']:8.2f}"
        line += f" {found['base']:6.0f} {found['peak']:7.0f}"
        if way in ("cosine", "default"):
            ratios = (found[name] / ours[name] for name in ("compare", "all", "peak"))
            line += "   {:6.0f}× {:6.1f}× {:6.1f}×".format(*ratios)
        elif way == "trtflow":
            line += f"   compare / infer {found['compare'] / found['infer']:.2f}, {found['tensors']:.0f} tensors"
        else:
            line += f"   trtflow's peak is {ours['peak'] - found['peak']:+.0f} MB"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--samples", nargs="*", type=int, default=[1, 8])
    parser.add_argument("--runs", type=int, default=2, help="of trtflow and the plain network; Polygraphy runs once")
    parser.add_argument("--patience", type=float, default=900, help="seconds that one case may take")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], options.child[1], int(options.child[2]))
        return
    missing = fetch_cloud() if "cloud" in options.models else None
    print("seconds and MB; the ratios are Polygraphy's figure over trtflow's")
    print(f"{'model':13} {'samples':>7}  {'way':8} {'compare':>9} {'infer':>8} {'all':>8} {'base':>6} {'peak':>7}   "
          f"{'compare':>7} {'all':>7} {'peak':>7}")  # fmt: skip
    for model in options.models:
        if model == "cloud" and missing:
            print(f"cloud {missing}")
            continue
        for samples in options.samples:
            report(model, samples, options.runs, options.patience)


if __name__ == "__main__":
    main()
