"""Where planted networks are not finite in FP16, and what their nodes make of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto

from trtflow.data import Sample
from trtflow.diagnosis.saturation import OUTPUT, Inside
from trtflow.emulation.emulate import Rounding
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, INT8
from trtflow.runners.inside import look_inside
from trtflow.runners.quantized import Ranges

ROW = [-300.0, -2.0, 3.0, 300.0]
CONSTANTS = [f32("one", 1), f32("zero", 0), f32("six", 6), f32("thousand", 1000)]
CONSTANTS += [f32("half", 45000), f32("rest", 44997)]


def net(*nodes: str) -> onnx.ModelProto:
    """A network from x to y, a node a line: name, operator, inputs, output."""
    made = [node(op, " ".join(given), out, name) for name, op, *given, out in map(str.split, nodes)]
    return model(made, [info("x", ["N", 4])], [info("y", None)], CONSTANTS)


def seen(
    proto: onnx.ModelProto,
    *high: str,
    rows: Sequence[Sequence[float]] = (ROW,),
    memory: int = 1 << 20,
    rounding: Rounding = "tensor",
) -> Inside:
    samples = [Sample({"x": np.asarray([row], np.float32)}) for row in rows]
    return look_inside(proto, PrecisionPlan(FP16, dict.fromkeys(high, FP32)), samples, memory, rounding=rounding)


SQUARE = "square Mul x x"


@pytest.mark.parametrize(
    ("nodes", "mended"),
    [
        ([f"{SQUARE} a", "end Tanh a y"], "end"),
        ([f"{SQUARE} a", "end Sigmoid a y"], "end"),
        ([f"{SQUARE} a", "end Erf a y"], "end"),
        ([f"{SQUARE} a", "end Min a six y"], "end"),
        ([f"{SQUARE} a", "end Clip a zero six y"], "end"),
        ([f"{SQUARE} a", "sum Add a one b", "end Clip b zero six y"], "end"),
        ([f"{SQUARE} a", "neg Neg a b", "end Exp b y"], "end"),
        ([f"{SQUARE} a", "neg Neg a b", "end Relu b y"], "end"),
        ([f"{SQUARE} a", "neg Neg a b", "end Softmax b y"], "end"),
        ([f"{SQUARE} a", "small Less x six c", "other Greater a six d", "end Where d six x y"], "other"),
        ([f"{SQUARE} a", "small Less x six c", "low Greater x zero e", "m And c e f", "end Where f a x y"], "end"),
    ],
)
def test_a_limit_that_is_fp32s_own_is_harmless(nodes: list[str], mended: str) -> None:
    found = seen(net(*nodes))
    assert "square" in found.nodes
    assert ({reading.node for reading in found.mended}, found.unshown) == ({mended}, ())


@pytest.mark.parametrize(
    ("nodes", "where"),
    [
        ([f"{SQUARE} a", "root Sqrt a b", "end Reciprocal b y"], "end"),
        ([f"{SQUARE} a", "root Sqrt a b", "end Div x b y"], "end"),
        ([f"{SQUARE} a", "less Sub a a b", "end IsNaN b c", "last Where c one one y"], "end"),
    ],
)
def test_zeros_and_what_hangs_on_nan_are_not_harmless(nodes: list[str], where: str) -> None:
    assert [reading.node for reading in seen(net(*nodes)).unshown] == [where]


def test_a_clip_of_an_infinity_that_should_have_been_cancelled_disagrees() -> None:
    """300² − 45,000 − 44,997 is 3, which the Clip passes; of an infinite square it makes 6."""
    found = seen(net(f"{SQUARE} a", "less Sub a half b", "least Sub b rest c", "end Clip c zero six y"))
    assert [(reading.node, reading.agrees) for reading in found.unshown] == [("end", False)]


def test_nan_that_a_where_drops_is_harmless() -> None:
    found = seen(net(f"{SQUARE} a", "less Sub a a b", "wide Abs x c", "big Greater c six d", "end Where d x b y"))
    assert [(reading.node, reading.nan) for reading in found.mended] == [("end", True)]
    assert found.unshown == ()


def test_infinities_of_fp32_itself_are_none() -> None:
    nodes = [node("Where", "m x never", "a", "mask"), node("Softmax", "a", "y", "soft")]
    proto = model(nodes, [info("x", ["N", 4])], [info("y", None)], [f32("never", -np.inf), _mask()])
    found = seen(proto)
    assert (found.nodes, found.readings) == ((), ())


def _mask() -> onnx.TensorProto:
    return onnx.helper.make_tensor("m", TensorProto.BOOL, [4], [True, False, True, True])


def test_an_output_that_is_infinite_is_lost_there() -> None:
    assert [reading.op for reading in seen(net(f"{SQUARE} y")).unshown] == [OUTPUT]


def test_who_rounds_a_large_value_of_a_high_node_reads_an_infinity() -> None:
    found = seen(net(f"{SQUARE} a", "end Reciprocal a y"), "square")
    assert [(reading.node, reading.overflows) for reading in found.unshown] == [("end", True)]
    assert found.nodes == ("end",)
    assert seen(net(f"{SQUARE} a", "end Reciprocal a y"), "square", "end").readings == ()


def test_an_input_of_the_network_may_be_too_large_as_well() -> None:
    found = seen(net("end Tanh x y"), rows=[[1e5, 1, 1, 1]])
    assert (found.nodes, [reading.tensor for reading in found.mended]) == (("end",), ["x"])


def test_what_fp32_holds_and_fp16_does_not_is_told_from_what_better_inputs_mend() -> None:
    found = seen(net(f"{SQUARE} a", "back Div a thousand b", "end Tanh b y"))
    assert (found.tensors, found.beyond) == ({"a", "b"}, {"a"})


def test_one_bad_sample_is_enough_and_memory_changes_nothing() -> None:
    proto = net(f"{SQUARE} a", "root Sqrt a b", "end Reciprocal b y")
    rows = [[1.0, 2, 3, 4], ROW, [1.0, 2, 3, 4]]
    assert seen(proto, rows=rows[:1]).readings == ()
    assert seen(proto, rows=rows) == seen(proto, rows=rows, memory=64)
    assert [reading.node for reading in seen(proto, rows=rows).unshown] == ["end"]


def test_a_reduction_that_has_no_place_for_each_value_is_looked_at_as_a_whole() -> None:
    assert [reading.node for reading in seen(net(f"{SQUARE} a", "end ReduceMin a y")).mended] == ["end"]
    assert [reading.node for reading in seen(net(f"{SQUARE} a", "end ReduceMax a y")).unshown] == [""]


def test_inside_a_fused_unit_nothing_is_rounded() -> None:
    nodes = [node("Conv", "x w", "a", "conv"), node("Clip", "a zero six", "y", "clip")]
    weights = [f32("w", np.full((1, 1, 1, 1), 1000)), f32("zero", 0), f32("six", 6)]
    proto = model(nodes, [info("x", ["N", 1, 1, 4])], [info("y", None)], weights)
    samples = [Sample({"x": np.asarray(ROW, np.float32).reshape(1, 1, 1, 4)})]
    rounded, fused = (
        look_inside(proto, PrecisionPlan(FP16), samples, 1 << 20, rounding=r) for r in ("tensor", "unit")
    )
    assert (rounded.nodes, fused.nodes) == (("conv",), ())


def test_codes_that_saturate_are_not_shown_to_be_harmless() -> None:
    nodes = [node("Mul", "x x", "a", "square"), node("MatMul", "a w", "y", "fc")]
    proto = model(nodes, [info("x", ["N", 4])], [info("y", None)], [f32("w", np.eye(4))])
    samples = [Sample({"x": np.asarray([ROW], np.float32)})]
    plan = PrecisionPlan(FP16, {"fc": INT8})
    found = look_inside(proto, plan, samples, 1 << 20, ranges=Ranges({"a": 6e4}))
    assert [(reading.node, reading.goes_on) for reading in found.unshown] == [("fc", False)]
