"""What other converters break on, case by case: the nodes that trtflow keeps FP32 and the error of its mixed file.

Each model gets the smallest plan that a plain search over the emulator finds (alone-low ranking, then as many of
the ranked nodes as it takes), is rewritten, and its *file* is then evaluated with every FP16 tensor rounded. A row
is right when the file is accepted by onnx.checker, loads in ONNX Runtime, and its error is below 1 %.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.model.analysis import candidates
from trtflow.model.load import prepare
from trtflow.model.scopes import scopes
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite

Feed = dict[str, NDArray[Any]]
Case = tuple[onnx.ModelProto, Feed]
RNG = np.random.default_rng(0)
LIMIT = 0.01


def op(kind: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node; names separated by blanks, ``-`` for one left out."""
    given = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(kind, given, outputs.split(), name=f"{kind}_{outputs.split()[0]}", **attributes)


def net(nodes: list[onnx.NodeProto], feed: Feed, outputs: str, **weights: Any) -> Case:
    """A model whose inputs are those of ``feed``; output shapes are inferred."""
    arrays = {name: np.asarray(value) for name, value in weights.items()}
    arrays = {name: v.astype(np.float32) if v.dtype == np.float64 else v for name, v in arrays.items()}
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in feed.items()
    ]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs.split()]
    graph = helper.make_graph(nodes, "case", inputs, made, [numpy_helper.from_array(a, n) for n, a in arrays.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    for value, array in zip(model.graph.output, run(model, feed), strict=True):
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, array.shape))
    return model, feed


def normal(*shape: int, scale: float = 1.0) -> NDArray[np.float32]:
    """Normal numbers."""
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def rms_norm() -> Case:
    nodes = [op("Pow", "x two", "sq"), op("ReduceMean", "sq", "m", axes=[-1]), op("Add", "m eps", "e")]
    nodes += [op("Sqrt", "e", "s"), op("Div", "x s", "n"), op("MatMul", "n w", "y")]
    return net(nodes, {"x": normal(4, 64, scale=12000)}, "y", two=2.0, eps=1e-5, w=normal(64, 8))


def mask() -> Case:
    nodes = [op("MatMul", "q k", "s"), op("Mul", "m low", "bias"), op("Add", "s bias", "b"), op("Softmax", "b", "y")]
    return net(
        nodes, {"q": normal(8, 16), "m": (normal(8, 8) > 0.5).astype(np.float32)}, "y", k=normal(16, 8), low=-1e9
    )


def shared_constant() -> Case:
    nodes = [op("MatMul", "x w", "a"), op("Mul", "a big", "b"), op("Mul", "b big", "c"), op("Div", "c big", "d")]
    nodes += [op("Div", "d big", "e"), op("MatMul", "e w", "y")]
    return net(nodes, {"x": normal(4, 16)}, "y", w=normal(16, 16), big=4e4)


def fan_out() -> Case:
    nodes = [op("Mul", "x big", "t"), op("Div", "t big", "a"), op("Sqrt", "t", "b"), op("Add", "a b", "y")]
    return net(nodes, {"x": np.abs(normal(32)) * 10}, "y", big=4.4e4)


def shape_chain() -> Case:
    nodes = [op("Shape", "x", "s"), op("Cast", "s", "f", to=TensorProto.FLOAT), op("Mul", "f two", "d")]
    nodes += [op("Cast", "d", "i", to=TensorProto.INT64), op("Resize", "x - - i", "y", mode="nearest")]
    return net(nodes, {"x": normal(1, 1, 2051)}, "y", two=np.array([1, 1, 2], np.float32))


def pixels() -> Case:
    nodes = [op("Conv", "x w", "c"), op("Mul", "c k", "b"), op("Relu", "b", "r"), op("Conv", "r v", "d")]
    nodes += [op("GlobalAveragePool", "d", "g"), op("Div", "g q", "y")]
    image = RNG.integers(0, 256, (1, 3, 16, 16)).astype(np.float32)
    return net(nodes, {"x": image}, "y", w=np.abs(normal(8, 3, 3, 3)), k=30.0, v=normal(4, 8, 1, 1), q=1e5)


def cancellation() -> Case:
    nodes = [op("MatMul", "x w", "h"), op("Add", "h c", "a"), op("Sub", "a c", "b"), op("MatMul", "b v", "y")]
    return net(nodes, {"x": normal(8, 16)}, "y", w=normal(16, 16, scale=0.01), c=400.0, v=normal(16, 4))


def underflow() -> Case:
    nodes = [op("MatMul", "x w", "h"), op("Mul", "h down", "a"), op("Mul", "a up", "b"), op("MatMul", "b v", "y")]
    return net(
        nodes, {"x": normal(8, 16)}, "y", w=normal(16, 16, scale=0.1), down=1e-6, up=1e4, v=normal(16, 4) * 100
    )


def branches() -> Case:
    out = helper.make_tensor_value_info("o", TensorProto.FLOAT, [8])
    then = helper.make_graph([op("Mul", "r k", "o")], "then", [], [out])
    orelse = helper.make_graph([op("Neg", "r", "o")], "else", [], [out])
    nodes = [op("Relu", "x", "r"), op("If", "c", "y", then_branch=then, else_branch=orelse)]
    return net(nodes, {"x": normal(8), "c": np.array(True)}, "y", k=0.3)


def loop() -> Case:
    inside = [op("Mul", "state k", "scaled"), op("Add", "scaled x", "next"), op("Identity", "going", "still")]
    info = helper.make_tensor_value_info
    takes = [
        info("i", TensorProto.INT64, []),
        info("going", TensorProto.BOOL, []),
        info("state", TensorProto.FLOAT, [8]),
    ]
    gives = [info("still", TensorProto.BOOL, []), info("next", TensorProto.FLOAT, [8])]
    body = helper.make_graph(inside, "body", takes, gives)
    nodes = [op("Loop", "n on x", "y", body=body)]
    return net(nodes, {"x": normal(8)}, "y", n=np.array(5), on=np.array(True), k=0.7)


def detector() -> Case:
    nodes = [op("NonMaxSuppression", "boxes scores k", "picked"), op("TopK", "scores k", "best where")]
    nodes += [op("Unsqueeze", "best zero", "u"), op("Resize", "u - scales", "y", mode="linear")]
    feed = {"boxes": np.abs(normal(1, 9, 4)), "scores": normal(1, 1, 9)}
    return net(nodes, feed, "y", k=np.array([3]), zero=np.array([0]), scales=np.array([1, 1, 1, 2], np.float32))


def clutter() -> Case:
    held = numpy_helper.from_array(np.array(1e5, np.float32))
    nodes = [op("Constant", "", "c", value=held), op("Mul", "x c", "a"), op("Div", "a c", "r"), op("Relu", "r", "y")]
    model, feed = net(nodes, {"x": normal(32)}, "r y")
    for node in model.graph.node:
        node.name = ""
    return model, feed


CASES: dict[str, Callable[[], Case]] = {
    "RMS norm, x² = 1.4e8": rms_norm,
    "-1e9 mask": mask,
    "constant 4e4, weight shared by blocked and free": shared_constant,
    "fan-out of a tensor beyond 65504": fan_out,
    "float shape chain, dim 2051": shape_chain,
    "input 0..255": pixels,
    "cancellation (h + 400) - 400": cancellation,
    "underflow 1e-6, then up": underflow,
    "If capturing a float": branches,
    "Loop with float state": loop,
    "NMS, TopK, Resize": detector,
    "unnamed, Constant 1e5, output read inside": clutter,
}


def run(model: onnx.ModelProto, feed: Feed) -> list[NDArray[Any]]:
    """The outputs in ONNX Runtime."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs: list[NDArray[Any]] = session.run(None, feed)
    return outputs


def error(outputs: list[NDArray[Any]], exact: list[NDArray[Any]]) -> float:
    """The largest relative distance of an output; infinite for another shape or what is not finite."""
    worst = 0.0
    for a, b in zip(outputs, exact, strict=True):
        if a.shape != b.shape or not np.isfinite(a).all():
            return float("inf")
        worst = max(worst, float(np.linalg.norm(a - b) / (np.linalg.norm(b) or 1.0)))
    return worst


def search(model: onnx.ModelProto, feed: Feed) -> PrecisionPlan:
    """FP16 but for as few of the nodes that hurt most alone as the limit takes, shrunk one by one."""
    exact = run(model, feed)
    low = legalize(model, PrecisionPlan("fp16")).plan
    names = [n.name for n in candidates(model) if low.precision(n.name) == "fp16"]
    high = PrecisionPlan("fp32")

    def harm(plan: PrecisionPlan) -> float:
        return error(run(instrument(model, plan), feed), exact)

    alone = {name: harm(high.assign([name], "fp16")) for name in names}
    ranked = sorted(names, key=lambda name: -alone[name])
    kept = next(ranked[:n] for n in range(len(ranked) + 1) if harm(low.assign(ranked[:n], "fp32")) < LIMIT)
    for name in list(kept):
        fewer = [other for other in kept if other != name]
        kept = fewer if harm(low.assign(fewer, "fp32")) < LIMIT else kept
    return low.assign(kept, "fp32")


def main() -> int:
    """Print the table; 1 when a row is wrong."""
    wrong = 0
    print(f"{'case':48} {'all FP16':>9} {'kept FP32':>9} {'casts':>5} {'error':>9}  file")
    for name, make in CASES.items():
        model, feed = make()
        model, _ = prepare(model)
        exact = run(model, feed)
        plain = error(run(instrument(model, PrecisionPlan("fp16")), feed), exact)
        plan = search(model, feed)
        mixed = rewrite(model, plan).model
        onnx.checker.check_model(mixed, full_check=True)
        run(mixed, feed)
        found = error(run(emulate_typed(mixed), feed), exact)
        casts = sum(node.op_type == "Cast" for scope in scopes(mixed) for node in scope.graph.node)
        wrong += found >= LIMIT
        verdict = "ok" if found < LIMIT else "WRONG"
        print(f"{name:48} {plain:9.1e} {len(plan.nodes):9} {casts:5} {found:9.1e}  {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
