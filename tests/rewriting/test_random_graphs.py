"""Any small graph, any plan: the rewritten file computes what the emulator says (truth 2)."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
from graph_models import accepted, f32, i64, info, model, node, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.model.analysis import candidates
from trtflow.model.load import prepare
from trtflow.model.scopes import subgraphs
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite

UNARY = ("Relu", "Neg", "Exp", "Sigmoid", "Tanh", "Abs", "Floor", "Identity", "Softmax", "Erf", "Softplus")
BINARY = ("Add", "Sub", "Mul", "Max", "Min", "Div", "PRelu")
CONSTANTS = {"tiny": 1e-6, "big": 4e4, "huge": 1e6, "half": 0.5, "inf": np.inf, "minus0": -0.0, "tie": 2049.0}
SHAPE = [2, 4]


@st.composite
def graphs(draw: st.DrawFn) -> onnx.ModelProto:
    """Up to ten operators on tensors of one shape: constants shared, fan-out, several outputs, an If now and then."""
    names, nodes = ["x"], []
    for index in range(draw(st.integers(1, 10))):
        kind = draw(st.sampled_from(["unary", "binary", "constant", "matmul", "cast", "clip", "reshape", "if"]))
        a, b = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        k = draw(st.sampled_from(sorted(CONSTANTS)))
        nodes += _nodes(draw, kind, a, b, k, f"t{index}")
        names.append(f"t{index}")
    outputs = draw(st.lists(st.sampled_from(names[1:]), min_size=1, max_size=3, unique=True))
    weights = [f32(name, value) for name, value in CONSTANTS.items()]
    weights += [f32("w", np.linspace(-1, 1, 16).reshape(4, 4)), i64("flat", [4, 2]), i64("back", SHAPE)]
    weights.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    bodies = [inner for n in nodes for _, body in subgraphs(n) for inner in body.node]
    used = {name for n in (*nodes, *bodies) for name in n.input}
    kept = [weight for weight in weights if weight.name in used]
    return model(nodes, [info("x", SHAPE)], [info(name, SHAPE) for name in outputs], kept)


def _nodes(draw: st.DrawFn, kind: str, a: str, b: str, k: str, out: str) -> list[onnx.NodeProto]:
    if kind == "unary":
        return [node(draw(st.sampled_from(UNARY)), a, out)]
    if kind == "binary":
        return [node(draw(st.sampled_from(BINARY)), f"{a} {b}", out)]
    if kind == "constant":
        return [node(draw(st.sampled_from(("Add", "Mul", "Div"))), f"{a} {k}", out)]
    if kind == "matmul":
        return [node("MatMul", f"{a} w", out)]
    if kind == "cast":
        return [node("Cast", a, f"{out}_i", to=onnx.TensorProto.INT32), node("Cast", f"{out}_i", out, to=1)]
    if kind == "clip":
        return [node("Clip", f"{a} - {k}", out)]
    if kind == "reshape":
        return [node("Reshape", f"{a} flat", f"{out}_f"), node("Reshape", f"{out}_f back", out)]
    then = onnx.helper.make_graph([node("Mul", f"{a} {k}", "o", f"{out}_then")], "t", [], [info("o", SHAPE)])
    orelse = onnx.helper.make_graph([node("Exp", b, "o", f"{out}_else")], "e", [], [info("o", SHAPE)])
    return [node("If", "yes", out, then_branch=then, else_branch=orelse)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(net=graphs(), data=st.data(), seed=st.integers(0, 1000))
def test_the_rewritten_file_computes_what_the_emulator_says(
    net: onnx.ModelProto, data: st.DataObject, seed: int
) -> None:
    net, _ = prepare(net)
    formats = st.sampled_from(["fp32", "fp16", "bf16"])
    plan = PrecisionPlan("fp32", {n.name: data.draw(formats) for n in candidates(net)})
    legal = legalize(net, plan).plan
    mixed = accepted(rewrite(net, plan).model)
    feed = {"x": (np.random.default_rng(seed).standard_normal(SHAPE) * 50).astype(np.float32)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        emulated, typed = run(instrument(net, legal), feed), run(emulate_typed(mixed), feed)
    for a, b in zip(emulated, typed, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [o.name for o in mixed.graph.output] == [o.name for o in net.graph.output]
