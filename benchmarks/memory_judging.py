"""How much memory it takes to judge a network with large outputs, by how many samples judge it.

    python benchmarks/memory_judging.py [--samples 16 64]

Each case is a process of its own, which judges a few samples first: what it holds then is the baseline. ``outputs``
is the size of all outputs of one model, ``peak`` the largest resident memory beyond the baseline.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from memory import MB, forget_peak, resident
from memory_nets import Writer
from onnx import helper

from trtflow.data import Sample
from trtflow.tasks.bisect import bisect
from trtflow.tasks.judge import judge_by
from trtflow.tasks.validate import validate

CLASSES, SIDE, ENLARGED = 4, 64, 8


def masks() -> onnx.ModelProto:
    """Scores for 4 × 512 × 512 pixels, 4 MB, from a small image."""
    g = Writer()
    small = g.add("Conv", "x", g.weight("w", 8, CLASSES, 3, 3), pads=[1, 1, 1, 1])
    factors = g.constant("factors", np.array([1, 1, ENLARGED, ENLARGED], np.float32))
    large = g.add("Resize", g.add("Relu", small), "", factors)
    scores = g.add("Conv", large, g.weight("v", CLASSES, 8, 1, 1))
    return g.model(helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, CLASSES, SIDE, SIDE]), scores)


def samples(count: int) -> list[Sample]:
    """Small images of a standard normal."""
    random = np.random.default_rng(0)
    return [Sample({"x": random.standard_normal((1, CLASSES, SIDE, SIDE), np.float32)}) for _ in range(count)]


def brightness(outputs: Sequence[Mapping[str, Any]], _labels: Sequence[object]) -> dict[str, float]:
    """A user's metric that looks at one sample after the other."""
    return {"brightness": float(np.mean([np.mean(array) for output in outputs for array in output.values()]))}


def _evaluator(model: onnx.ModelProto, data: Sequence[Sample], **judged: Any) -> None:
    judge_by(judged["accept"], judged["metric"], False).evaluator(model, data)


def _bisect(model: onnx.ModelProto, data: Sequence[Sample], **judged: Any) -> None:
    bisect(model, data, **judged)


def _validate(model: onnx.ModelProto, data: Sequence[Sample], **judged: Any) -> None:
    validate(model, model, data, **judged)


TASKS: dict[str, Callable[..., None]] = {"evaluator": _evaluator, "bisect": _bisect, "validate": _validate}
JUDGED: dict[str, dict[str, Any]] = {
    "sqnr": {"accept": {"sqnr": {"min": 30.0}}, "metric": None},
    "the user's": {"accept": {"brightness": {"drop": 0.1}}, "metric": brightness},
}


def child(task: str, metric: str, count: int) -> None:
    """One case; its figures as JSON."""
    model = masks()
    TASKS[task](model, samples(2), **JUDGED[metric])
    forget_peak()
    base, start = resident("VmRSS"), time.process_time()
    TASKS[task](model, samples(count), **JUDGED[metric])
    print(json.dumps([resident("VmHWM") - base, time.process_time() - start]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", nargs="*", type=int, default=[16, 64])
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, metric, count = options.child
        child(task, metric, int(count))
        return
    print(f"{'task':10} {'metric':10} {'samples':>7} {'outputs':>7} {'peak':>6} MB {'CPU s':>6}")
    for task in TASKS:
        for metric in JUDGED:
            for count in options.samples:
                command = [sys.executable, __file__, "--child", task, metric, str(count)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
                peak, seconds = json.loads(done.stdout.splitlines()[-1])
                outputs = count * 4 * CLASSES * (SIDE * ENLARGED) ** 2 / MB
                print(
                    f"{task:10} {metric:10} {count:7} {outputs:7.0f} {peak / MB:6.0f}    {seconds:6.1f}", flush=True
                )


if __name__ == "__main__":
    main()
