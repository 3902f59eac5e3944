"""Why a GPU refuses a plan for magika that the emulator accepts: how ONNX Runtime's CUDA provider adds up rows.

``fidelity_magika.py FOLDER``, which ``fidelity_networks.py`` packed. By default the provider sums over rows in
blocks, rounds the sum of each to FP16, and adds these up in FP16, in any order; with ``use_deterministic_compute`` it
rounds once. What tells these apart: the end metric, emulated blocks, and the error of each node alone, fed what the
GPU made. Without a GPU, ``--device cpu`` proves the script.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from fidelity_networks import unpacked
from fidelity_placement import ON_CPU, ON_GPU
from fusion import KEPT, feeds_of, sqnr
from onnx import helper, numpy_helper

from trtflow.data import Array, Feed
from trtflow.model.analysis import analyse
from trtflow.model.edit import clone, replace_nodes
from trtflow.model.selection import tapped
from trtflow.model.session import create_session, open_session
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.rewriting.promotion import legalized
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import EmulatedRunner
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.inspect import inspect

Outputs = dict[str, Array]
SUMS = ("LayerNorm_0/Sum", "LayerNorm_0/Sum_1")
ROWS, COLUMNS, THREADS, BLOCKS = 512, 256, 16, 8  # of what is summed; rows at a time in a block of CUDA's kernel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    options = parser.parse_args()
    providers = ON_GPU if options.device == "cuda" else ON_CPU
    model = inspect(unpacked(options.folder))[0].model
    feeds = list(feeds_of(options.folder, model))
    with ReferenceRunner(model) as runner:
        exact = [dict(runner(feed)) for feed in feeds]
    nodes = [name for name in KEPT["magika"] if not name.endswith(SUMS)]
    for label, kept in (("sums in FP16", nodes), ("sums in FP32", KEPT["magika"])):
        plan = PrecisionPlan(FP16, dict.fromkeys(kept, FP32))
        typed = rewrite(model, legalized(analyse(model), plan).plan).model
        print(f"{label}: emulated {emulated(model, plan, feeds, exact):.2f} dB", flush=True)
        if kept is nodes:
            for start in (0, 3, 5):
                told = emulated(in_blocks(model, start), plan, feeds, exact)
                print(f"  emulated in blocks, from block {start}: {told:.2f} dB", flush=True)
        for setting in SETTINGS:
            first, second = (run(typed, feeds, providers, setting) for _ in range(2))
            metric = sqnr(exact, first, list(exact[0]))
            repeats = "repeats" if equal(first, second) else "differs from run to run"
            print(f"  {options.device}, {setting}: {metric:.2f} dB, {repeats}", flush=True)
        if kept is nodes:
            for line in alone(typed, feeds[0], providers):
                print(line, flush=True)


SETTINGS = ("default", "deterministic", "deterministic, not optimised", "not optimised")


def run(model: onnx.ModelProto, feeds: Sequence[Feed], providers: Sequence[object], setting: str) -> list[Outputs]:
    """Outputs for each feed, of one session."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.use_deterministic_compute = setting.startswith("deterministic")
    if setting.endswith("not optimised"):
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = open_session(model, options, providers)
    names = [value.name for value in session.get_outputs()]
    return [dict(zip(names, session.run(names, dict(feed)), strict=True)) for feed in feeds]


def equal(first: Sequence[Outputs], second: Sequence[Outputs]) -> bool:
    """Bit for bit."""
    pairs = zip(first, second, strict=True)
    return all(np.array_equal(one[name], two[name]) for one, two in pairs for name in one)


def emulated(model: onnx.ModelProto, plan: PrecisionPlan, feeds: Sequence[Feed], exact: Sequence[Outputs]) -> float:
    """The end metric in dB."""
    with EmulatedRunner(model, legalized(analyse(model), plan).plan) as runner:
        return sqnr(exact, [dict(runner(feed)) for feed in feeds], list(exact[0]))


def in_blocks(model: onnx.ModelProto, start: int) -> onnx.ModelProto:
    """``model`` with its sums over rows as CUDA's blocks make them, added up from block ``start`` on."""
    copy = clone(model)
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        nodes += _blocks(copy.graph, node, start) if node.name.endswith(SUMS) else [node]
    replace_nodes(copy.graph, nodes)
    return copy


def _blocks(graph: onnx.GraphProto, node: onnx.NodeProto, start: int) -> Iterator[onnx.NodeProto]:
    name = node.name
    rounds = ROWS // (THREADS * BLOCKS)
    keep = next((entry.i for entry in node.attribute if entry.name == "keepdims"), 1)
    numbers = {
        "blocks": [rounds, BLOCKS, THREADS, COLUMNS],
        "axes": [0, 2],
        "shape": [1, 1, COLUMNS] if keep else [1, COLUMNS],
        **{f"at{block}": block for block in range(BLOCKS)},
    }
    for key, value in numbers.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), f"{name}_{key}"))
    yield helper.make_node("Reshape", [node.input[0], f"{name}_blocks"], [f"{name}_r"], f"{name}_r")
    yield helper.make_node("ReduceSum", [f"{name}_r", f"{name}_axes"], [f"{name}_s"], f"{name}_s", keepdims=0)
    total = ""
    for block in (*range(start, BLOCKS), *range(start)):
        part, added = f"{name}_p{block}", f"{name}_sum{block}"
        yield helper.make_node("Gather", [f"{name}_s", f"{name}_at{block}"], [part], part, axis=0)
        if total:
            yield helper.make_node("Add", [total, part], [added], added)
        total = added if total else part
    yield helper.make_node("Reshape", [total, f"{name}_shape"], [node.output[0]], f"{name}_o")


def alone(typed: onnx.ModelProto, feed: Feed, providers: Sequence[object]) -> Iterator[str]:
    """The error of each FP16 node over that of one rounding, fed what the GPU made; those above 1.05."""
    made = [name for node in typed.graph.node for name in node.output]
    outputs = {value.name for value in typed.graph.output}
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in typed.graph.initializer}
    (inner,) = run(tapped(typed, tuple({*made} - outputs)), [feed], providers, "deterministic")
    held |= inner
    held |= feed
    opset = next(entry.version for entry in typed.opset_import if not entry.domain)
    compared = [
        node for node in typed.graph.node if node.op_type != "Cast" and held[node.output[0]].dtype == np.float16
    ]
    yield f"{len(compared)} nodes alone; error over that of one rounding, default and deterministic:"
    for node in compared:
        given = {name: held[name] for name in node.input if name}
        with np.errstate(over="ignore"):
            wide = create_session(single(node, _wide(given), np.dtype(np.float32), opset)).run(None, _wide(given))[0]
            rounded = wide.astype(np.float16)
        best, low = _error(wide, rounded), single(node, given, rounded.dtype, opset)
        found = [_error(wide, run(low, [given], providers, setting)[0][node.output[0]]) for setting in SETTINGS[:2]]
        if best and max(found) > 1.05 * best:
            yield f"  {node.op_type} {node.name.split('/')[-2]}/{node.name.split('/')[-1]}: " + ", ".join(
                f"{error / best:.2f}" for error in found
            )


def _wide(given: Mapping[str, Array]) -> Outputs:
    return {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in given.items()}


def _error(exact: Array, found: Array) -> float:
    return float(np.linalg.norm(found.astype(np.float64) - exact))


def single(node: onnx.NodeProto, given: Mapping[str, Array], made: np.dtype[Any], opset: int) -> onnx.ModelProto:
    """A model of ``node`` alone, in the types of ``given``."""
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
    ]
    output = helper.make_tensor_value_info(node.output[0], helper.np_dtype_to_tensor_dtype(made), None)
    graph = helper.make_graph([node], "single", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


if __name__ == "__main__":
    main()
