"""LSTM, GRU and RNN in FP16 by length of the sequence: error on the GPU against FP32's, beside the emulated one.

A GPU keeps the state in FP16, the emulator rounds what goes in and comes out. Weights are uniform in ±1/√hidden, as
frameworks begin with; inputs are normal. Errors are relative, root mean square, of the output at all steps and at the
last one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fidelity_standin
import numpy as np
from fidelity_placement import ON_CPU, ON_GPU, fallen_back
from fidelity_table import markdown
from int8_task import Array
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from trtflow.data import Sample
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import EmulatedRunner
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.measured_on import execute_on

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
LENGTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
SIZES = (64, 128)  # of input and state
SEEDS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, help="write the table there, too")
    parser.add_argument("--stand-in", action="store_true", help="the emulator in the GPU's place")
    options = parser.parse_args()
    if options.stand_in:
        fidelity_standin.install()
    rows = []
    for op in GATES:
        for length in LENGTHS:
            rows.append(row(op, length, stand_in=options.stand_in))
            print(" | ".join(rows[-1]), flush=True)
    heads = [
        "operator",
        "steps",
        "GPU",
        "emulated",
        "GPU / emulated",
        "GPU, last",
        "emulated, last",
        "ratio, last",
        "on the CPU",
    ]
    shown = "\n".join(markdown(heads, rows))
    print(shown)
    if options.out:
        options.out.write_text(f"{shown}\n", encoding="utf-8")


def row(op: str, length: int, *, stand_in: bool) -> list[str]:
    """The figures of an operator at one length: means over networks and inputs."""
    found = np.array([errors(recurrent(op, length, seed), length, seed) for seed in SEEDS]).mean(axis=0)
    typed = rewrite(recurrent(op, length, 0), PrecisionPlan(FP16)).model
    cpu = fallen_back(typed, ON_CPU if stand_in else ON_GPU)
    real, emulated, real_last, emulated_last = found
    figures = [f"{real:.2e}", f"{emulated:.2e}", f"{real / emulated:.2f}"]
    figures += [f"{real_last:.2e}", f"{emulated_last:.2e}", f"{real_last / emulated_last:.2f}"]
    return [op, str(length), *figures, "yes" if op in cpu else "no"]


def errors(model: ModelProto, length: int, seed: int) -> tuple[float, float, float, float]:
    """Of GPU and emulator at all steps, and at the last one."""
    feed = {"x": np.random.default_rng([seed, 1]).standard_normal((length, 1, SIZES[0])).astype(np.float32)}
    plan, sample = PrecisionPlan(FP16), Sample(feed)
    starts: list[Callable[[], Runner]] = [
        lambda: ReferenceRunner(model),
        lambda: execute_on("cuda", [sample])(rewrite(model, plan).model),
        lambda: EmulatedRunner(model, plan),
    ]
    expected, real, emulated = (_output(start(), feed) for start in starts)
    whole = [relative(expected, found) for found in (real, emulated)]
    last = [relative(expected[-1], found[-1]) for found in (real, emulated)]
    return whole[0], whole[1], last[0], last[1]


def _output(runner: Runner, feed: dict[str, Array]) -> Array:
    with runner:
        return np.array(runner(feed)["y"], np.float64)


def relative(expected: Array, found: Array) -> float:
    """√(Σe² / Σr²)."""
    return math.sqrt(float(np.square(found - expected).sum() / np.square(expected).sum()))


def recurrent(op: str, length: int, seed: int) -> ModelProto:
    """One operator over x [length, 1, input], its weights random; y [length, 1, 1, state]."""
    random, (wide, state), gates = np.random.default_rng(seed), SIZES, GATES[op]
    shapes = {"w": (1, gates * state, wide), "r": (1, gates * state, state), "b": (1, 2 * gates * state)}
    bound = 1 / math.sqrt(state)
    weights = [
        numpy_helper.from_array(random.uniform(-bound, bound, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    # cuDNN and PyTorch compute this form of a GRU.
    extra: dict[str, Any] = {"linear_before_reset": 1} if op == "GRU" else {}
    node = helper.make_node(op, ["x", *shapes], ["y"], "recurrent", hidden_size=state, **extra)
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, (length, 1, wide)),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, (length, 1, 1, state)),
    ]
    graph = helper.make_graph([node], "recurrent", ports[:1], ports[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model


if __name__ == "__main__":
    main()
