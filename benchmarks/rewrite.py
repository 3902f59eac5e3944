"""Time of the mixed-precision rewrite by size, with every second node FP32: it must grow with the graph, no faster.

AutoCast 0.47 took 7.0 s at 1,001 nodes and 29.4 s at 2,001 (quadratic). Usage: rewrite.py [NODES ...]
"""

from __future__ import annotations

import sys
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trtflow.emulation.emulate import instrument
from trtflow.model.analysis import candidates
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite

SIZES = (500, 1000, 2000, 4000)


def chain(count: int) -> onnx.ModelProto:
    """``count`` nodes: Conv and Relu in turns, each convolution with weights of its own."""
    weight = np.zeros((8, 8, 1, 1), np.float32)
    nodes, weights = [], []
    for index in range(count):
        source, target = f"t{index}", f"t{index + 1}"
        if index % 2:
            nodes.append(helper.make_node("Relu", [source], [target], f"relu{index}"))
        else:
            weights.append(numpy_helper.from_array(weight, f"w{index}"))
            nodes.append(helper.make_node("Conv", [source, f"w{index}"], [target], f"conv{index}"))
    image = [1, 8, 4, 4]
    inputs = [helper.make_tensor_value_info("t0", TensorProto.FLOAT, image)]
    outputs = [helper.make_tensor_value_info(f"t{count}", TensorProto.FLOAT, image)]
    graph = helper.make_graph(nodes, "chain", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def main() -> None:
    """Print one line per size."""
    print(f"{'nodes':>6} {'casts':>6} {'rewrite s':>10} {'ms/node':>8} {'instrument s':>13}")
    for count in [int(arg) for arg in sys.argv[1:]] or SIZES:
        model = chain(count)
        plan = PrecisionPlan("fp16", {n.name: "fp32" for n in candidates(model)[::2]})
        start = time.perf_counter()
        mixed = rewrite(model, plan).model
        spent = time.perf_counter() - start
        start = time.perf_counter()
        instrument(model, plan)
        emulated = time.perf_counter() - start
        casts = sum(node.op_type == "Cast" for node in mixed.graph.node)
        print(f"{count:6} {casts:6} {spent:10.2f} {spent / count * 1e3:8.2f} {emulated:13.2f}")


if __name__ == "__main__":
    main()
