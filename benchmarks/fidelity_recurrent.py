"""LSTM, GRU and RNN in FP16 on a GPU, beside the emulator: by length of the sequence, and by what is rounded.

Weights are uniform in ±1/√hidden, as frameworks begin with, biases too; some have a long memory, as trained ones may,
where the error of the state adds up. Inputs are normal. The kernels are those of
ONNX Runtime's CUDA provider and, where PyTorch is there, of its cuDNN and of its own cells. First table: which rule
of rounding a kernel follows (share of equal bits after 1 and 8 steps and of all; distance to the rule as a share of
the error against FP32). Second: the error (relative, root mean square over all steps) per length, GPU over emulated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from int8_task import Array
from onnx import TensorProto, helper, numpy_helper
from recurrent_steps import GATES, Rule, Weights, steps

from trtflow.emulation.emulate import instrument
from trtflow.emulation.recurrent import ARITHMETIC, FUSED, STORED
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.rewriting.rewrite import rewrite

LENGTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
LONG_MEMORY = 128  # the hidden size of networks that remember
RULED = 128  # steps over which rules are compared
HIDDEN = (32, 64, 128, 256, 512)
TRIED: Mapping[str, Rule] = {
    "state": Rule(frozenset({"state"})),
    "state, cell": Rule(frozenset({"state", "cell"})),
    "unit": Rule(FUSED),
    "state, cell, input": Rule(frozenset({"state", "cell", "input"})),
    "state, cell, hidden": Rule(frozenset({"state", "cell", "hidden"})),
    "state, input, hidden": Rule(frozenset({"state", "input", "hidden"})),
    "state, cell, input, hidden": Rule(frozenset({"state", "cell", "input", "hidden"})),
    "state, cell, gates": Rule(frozenset({"state", "cell", "gates"})),
    "state, cell, input, gates": Rule(frozenset({"state", "cell", "input", "gates"})),
    "state, cell, input, hidden, gates": Rule(frozenset({"state", "cell", "input", "hidden", "gates"})),
    "every tensor": Rule(STORED),
    "every tensor, sums of 16": Rule(STORED | {"sums"}),
    "tensor": Rule(ARITHMETIC),
    "tensor, sums of 16": Rule(ARITHMETIC | {"sums"}),
}
Kernel = Callable[[Array], Array]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hidden", type=int, nargs="+", default=HIDDEN)
    parser.add_argument("--longest", type=int, default=LENGTHS[-1], help="leave out longer sequences")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--stand-in", action="store_true", help="a rule in the GPU's place")
    parser.add_argument("--out", type=Path, help="write the tables there, too")
    options = parser.parse_args()
    lengths = [length for length in LENGTHS if length <= options.longest]
    rules, ratios, cost = heads(RULE_HEADS), heads(RATIO_HEADS), [*heads(COST_HEADS), *costs()]
    for op in GATES:
        for hidden, memory in [(LONG_MEMORY, True), *((hidden, False) for hidden in options.hidden)]:
            case = Case(op, hidden, lengths[-1], options.batch, long_memory=memory)
            for name, kernel in kernels(case, stand_in=options.stand_in):
                label = f"{op}{', long memory' * memory} | {hidden} | {name}"
                rules.extend(f"| {label} | {row} |" for row in which_rule(case, kernel(case.x)))
                ratios.extend(f"| {label} | {row} |" for row in by_length(case, kernel, lengths))
            print(f"{op} {hidden} done", flush=True)
            text = "\n".join([*rules, "", *ratios, "", *cost, ""])
            if options.out:  # each time: a run that is cut short leaves what it had
                options.out.write_text(text, encoding="utf-8")
    print(text)


OF = ("operator", "hidden", "kernel")
RULE_HEADS = (*OF, "rule", "equal, 1 step", "8 steps", "all", "distance / error", "GPU / rule's error")
EMULATED = ("tensor", "tensor, FP16 sums", "unit")
RATIO_HEADS = (
    *(*OF, "steps", "GPU's error", "GPU / old"),
    *(f"GPU / {name}" for name in EMULATED),
    *(f"equal, {name}" for name in EMULATED),
)
COST_HEADS = ("LSTM of 128, steps", "plain, ms", "emulated before, ms", "tensor, ms", "FP16 sums, ms", "unit, ms")


def heads(names: tuple[str, ...]) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]


class Case:
    """One operator with random weights and an input, and what the reference and the emulators say of it."""

    def __init__(self, op: str, hidden: int, length: int, batch: int, *, long_memory: bool = False) -> None:
        random, rows, bound = np.random.default_rng([hidden, batch]), GATES[op] * hidden, hidden**-0.5
        w, r, b = (
            random.uniform(-bound, bound, s).astype(np.float32) for s in ((rows, hidden), (rows, hidden), 2 * rows)
        )
        if long_memory:
            r, b = remembering(op, r, b)
        self.weights = Weights(op, w, r, b)
        self.x = random.standard_normal((length, batch, hidden)).astype(np.float32)
        self.model = model(self.weights)
        self.exact = ran(self.model, self.x)
        low = PrecisionPlan(FP16)
        self.old = ran(around(self.model), self.x)
        self.tensor, self.unit = (
            ran(instrument(self.model, low, rounding), self.x) for rounding in ("tensor", "unit")
        )
        self.summed = ran(instrument(self.model, low, accumulation=FP16), self.x)
        self.tried = {name: steps(self.weights, self.x[:RULED], rule) for name, rule in TRIED.items()}


def remembering(op: str, r: Array, b: Array) -> tuple[Array, Array]:
    """Weights that keep the state over some hundred steps, as trained ones may: what is rounded away adds up."""
    hidden, kept = r.shape[1], b.copy()
    if op == "RNN":
        return np.float32(0.98) * np.linalg.qr(r)[0], b
    gate = slice(2 * hidden, 3 * hidden) if op == "LSTM" else slice(0, hidden)  # f, z
    kept[gate] += 6
    return r, kept


def model(weights: Weights) -> onnx.ModelProto:
    """x [steps, batch, input] to y [steps, 1, batch, hidden]."""
    tensors = [numpy_helper.from_array(getattr(weights, name)[None], name) for name in "wrb"]
    node = helper.make_node(weights.op, ["x", "w", "r", "b"], ["y"], "recurrent", hidden_size=weights.hidden)
    if weights.op == "GRU":
        node.attribute.append(helper.make_attribute("linear_before_reset", 1))
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ("steps", "batch", weights.w.shape[1])),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ("steps", 1, "batch", weights.hidden)),
    ]
    graph = helper.make_graph([node], "recurrent", ports[:1], ports[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def around(plain: onnx.ModelProto) -> onnx.ModelProto:
    """``plain`` with its weights, its input and its output rounded, and nothing inside."""
    padded = onnx.ModelProto()
    padded.CopyFrom(plain)
    for tensor in padded.graph.initializer:
        array = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    (node,) = padded.graph.node
    node.input[0], node.output[0] = "given", "made"
    before = helper.make_node("Identity", ["x"], ["given"], "before")
    after = helper.make_node("Identity", ["made"], ["y"], "after")
    nodes = [before, node, after]
    held = onnx.GraphProto(node=nodes)
    del padded.graph.node[:]
    padded.graph.node.extend(held.node)
    return instrument(padded, PrecisionPlan(FP16, {"recurrent": FP32}))


def ran(proto: onnx.ModelProto, x: Array, provider: str = "CPUExecutionProvider") -> Array:
    """y [steps, batch, hidden], by ``provider`` alone."""
    return session(proto, provider)(x)


def session(proto: onnx.ModelProto, provider: str) -> Kernel:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not provider.startswith("CPU"):
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    made = ort.InferenceSession(proto.SerializeToString(), options, providers=[provider])
    return lambda x: np.asarray(made.run(None, {"x": x})[0][:, 0], np.float32)


def kernels(case: Case, *, stand_in: bool) -> Iterator[tuple[str, Kernel]]:
    """What a GPU has for ``case``."""
    if stand_in:
        yield "a rule", lambda x: steps(case.weights, x, TRIED["state, cell, input, hidden"])
        return
    try:
        yield "ONNX Runtime", session(rewrite(case.model, PrecisionPlan(FP16)).model, "CUDAExecutionProvider")
    except Exception as error:  # of several kinds: the node, or one beside it, has no CUDA kernel
        print(f"{case.weights.op}: ONNX Runtime's CUDA provider refuses it: {error}", flush=True)
    try:
        from recurrent_torch import torch_kernels
    except ImportError:
        return
    yield from torch_kernels(case.weights)


def which_rule(case: Case, real: Array) -> Iterator[str]:
    """Every rule beside what a kernel gave, the nearest first."""
    real, exact = real[:RULED], case.exact[:RULED]
    error = rms(real - exact)
    ranked = sorted(case.tried.items(), key=lambda entry: rms(real - entry[1]))
    for name, found in ranked:
        same = [f"{np.mean(real[:n] == found[:n]):.1%}" for n in (1, 8, len(real))]
        distance, ratio = rms(real - found) / error, error / rms(found - exact)
        yield " | ".join([name, *same, f"{distance:.2f}", f"{ratio:.2f}"])


def by_length(case: Case, kernel: Kernel, lengths: list[int]) -> Iterator[str]:
    """The kernel's error and its ratio to the emulators', per length, which is a prefix of the longest."""
    emulated = case.tensor, case.summed, case.unit
    for length in lengths:
        real, exact = kernel(case.x[:length]), case.exact[:length]
        error = rms(real - exact)
        ratios = [f"{error / rms(made[:length] - exact):.2f}" for made in (case.old, *emulated)]
        same = [f"{np.mean(real == made[:length]):.1%}" for made in emulated]
        yield " | ".join([str(length), f"{error / rms(exact):.2e}", *ratios, *same])


def rms(value: Array) -> float:
    return float(np.sqrt(np.mean(np.square(value, dtype=np.float64))))


def costs() -> Iterator[str]:
    """Milliseconds of a pass on one core of the CPU."""
    for length in (32, 512):
        case = Case("LSTM", 128, length, 1)
        low = PrecisionPlan(FP16)
        protos = [case.model, around(case.model), instrument(case.model, low)]
        protos += instrument(case.model, low, accumulation=FP16), instrument(case.model, low, "unit")
        yield f"| {length} | {' | '.join(f'{milliseconds(proto, case.x):.1f}' for proto in protos)} |"


def milliseconds(proto: onnx.ModelProto, x: Array, repeats: int = 20) -> float:
    """The core's time of the fastest of some passes: others may use the machine."""
    options, taken = ort.SessionOptions(), []
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    made = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for _ in range(repeats):
        start = time.thread_time()
        made.run(None, {"x": x})
        taken.append(time.thread_time() - start)
    return min(taken) * 1e3


if __name__ == "__main__":
    main()
