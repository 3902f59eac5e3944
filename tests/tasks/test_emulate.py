"""The emulated graph runs anywhere, rounds what the plan says, and keeps its interface."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import accepted, run
from planted import int8_network, pictures

from trtflow.cures.clipping import Clipping
from trtflow.errors import PlanError
from trtflow.files.scales import Scales, TensorScale
from trtflow.plan import PrecisionPlan
from trtflow.tasks.emulate import emulate

FEED = {"x": np.array([[1.2345678, 60, 66, -70]], np.float32)}
SCALES = Scales(method="minmax", samples=1, tensors={"d": TensorScale(amax=1.0, method="minmax")})
THIRD = PrecisionPlan("fp32", {"third": "int8"})


@pytest.mark.parametrize(
    ("plan", "finite"),
    [
        (PrecisionPlan("fp32"), [True] * 4),
        (PrecisionPlan("bf16"), [True] * 4),
        (PrecisionPlan("fp16"), [True, True, False, False]),
        (PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"}), [True] * 4),
    ],
)
def test_what_overflows_is_what_the_plan_has_low(
    overflowing: onnx.ModelProto, plan: PrecisionPlan, finite: list[bool]
) -> None:
    (y,) = run(accepted(emulate(overflowing, plan)), FEED)
    assert np.isfinite(y)[0].tolist() == finite
    assert (y == run(overflowing, FEED)[0]).all() == (plan.default == "fp32")


@pytest.mark.parametrize("plan", [PrecisionPlan("fp16"), PrecisionPlan("fp16", {"third": "int8"})])
def test_inputs_and_outputs_stay_as_they_are_and_the_model_untouched(plan: PrecisionPlan) -> None:
    net = int8_network()
    graph = emulate(net, plan, SCALES).graph
    assert (list(graph.input), list(graph.output)) == (list(net.graph.input), list(net.graph.output))
    assert net == int8_network()


def test_a_quantized_node_has_pairs_and_the_others_none() -> None:
    found = emulate(int8_network(), THIRD, SCALES)
    readers = {node.name: node for node in found.graph.node}
    made = {name: node.op_type for node in found.graph.node for name in node.output}
    assert [made.get(name) for name in readers["third"].input] == ["DequantizeLinear"] * 2
    assert [made.get(name) for name in readers["second"].input] == ["Relu", None]


def test_a_range_decides_what_int8_makes_of_a_tensor() -> None:
    feed = {"x": pictures(1, 2)}
    exact = run(int8_network(), feed)[0]
    narrow = SCALES.model_copy(update={"tensors": {"d": TensorScale(amax=0.01, method="given")}})
    good, bad = (
        np.square(run(emulate(int8_network(), THIRD, given), feed)[0] - exact).sum() for given in (SCALES, narrow)
    )
    assert 0 < 10 * good < bad


def test_cures_of_a_quantized_node_are_carried_out() -> None:
    about = {"subject": "third", "nodes": ("third",), "before": 1.0, "after": 0.5}
    clipping = Clipping(shares=(0.25,) * 8, **about)  # type: ignore[arg-type]
    feed = {"x": pictures(1, 1)}
    plain, clipped = (run(emulate(int8_network(), THIRD, SCALES, cures), feed)[0] for cures in ((), (clipping,)))
    assert not np.array_equal(plain, clipped)


def test_a_fused_unit_is_rounded_at_its_end_only() -> None:
    net = int8_network()
    casts = [
        sum(node.op_type == "Cast" for node in emulate(net, PrecisionPlan("fp16"), rounding=rounding).graph.node)
        for rounding in ("tensor", "unit")
    ]
    assert casts[0] > casts[1] > 0


@pytest.mark.parametrize(
    ("plan", "scales", "message"),
    [
        (PrecisionPlan("fp16", {"upp": "fp32"}), None, "'upp', which the model does not have"),
        (THIRD, None, "'d'"),
        (PrecisionPlan("fp32", {"first": "int8"}), SCALES, "'x'"),
    ],
    ids=["a node that is not there", "no scales", "no range for what it reads"],
)
def test_a_plan_that_does_not_fit_is_refused(plan: PrecisionPlan, scales: Scales | None, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        emulate(int8_network(), plan, scales)
