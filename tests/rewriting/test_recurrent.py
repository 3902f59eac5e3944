"""A recurrent operator that stays in FP32 reads nothing that TensorRT-RTX would move a Cast of into its loop."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import accepted, f32, info, model, node, random, run

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, LOW
from trtflow.rewriting.rewrite import rewrite

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}
BETWEEN = {
    "nothing": [],
    "moved": [("Transpose", {"perm": [2, 0, 1]})],
    "computed": [("Transpose", {"perm": [2, 0, 1]}), ("Tanh", {})],
}


def net(op: str, between: str = "nothing") -> onnx.ModelProto:
    """Exp, what stands ``between``, ``op`` over 6 steps of 5 values in 2 rows."""
    nodes, last = [node("Exp", "x", "e", "exp")], "e"
    for move, attributes in BETWEEN[between]:
        nodes.append(node(move, last, f"{move}_out", move, **attributes))
        last = f"{move}_out"
    nodes.append(node(op, f"{last} w r", "- y", "cell", hidden_size=4))
    weights = [f32("w", random(1, 4 * GATES[op], 5)), f32("r", random(1, 4 * GATES[op], 4))]
    shape = [6, 2, 5] if between == "nothing" else [2, 5, 6]
    return model(nodes, [info("x", shape)], [info("y", [1, 2, 4])], weights)


def kept(op: str, low: str = FP16, **nodes: str) -> PrecisionPlan:
    """Everything ``low`` but the cell."""
    return PrecisionPlan(low, {"cell": FP32, **nodes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("between", "plan", "held"),
    [
        ("nothing", kept("LSTM"), True),
        ("moved", kept("LSTM"), True),
        ("moved", kept("LSTM", Transpose=FP32), True),
        ("computed", kept("LSTM", Transpose=FP32, Tanh=FP32), False),
        ("nothing", kept("LSTM", exp=FP32), False),
        ("nothing", PrecisionPlan(FP16), False),
        ("nothing", PrecisionPlan(FP32, {"cell": FP16}), False),
    ],
    ids=["cast up", "moved low", "moved high", "computed high", "all high", "all low", "cast down"],
)
def test_a_max_stands_between_a_cast_up_and_the_cell_and_nowhere_else(
    between: str, plan: PrecisionPlan, held: bool
) -> None:
    made = rewrite(net("LSTM", between), plan)
    assert [entry.op_type for entry in made.model.graph.node].count("Max") == held
    assert [note for note in made.notes if "Max" in note] == (
        ["cell reads a Cast through a Max that changes nothing: TensorRT-RTX does not build it else"] if held else []
    )


@pytest.mark.parametrize("value", [1.0, -0.0, np.nan, 1e6])
def test_the_max_changes_no_value(value: float) -> None:
    feed = {"x": np.full((6, 2, 5), value, np.float32)}
    original = net("RNN")
    mixed = accepted(rewrite(original, kept("RNN")).model)
    expected, found = run(instrument(original, kept("RNN")), feed), run(emulate_typed(mixed), feed)
    np.testing.assert_array_equal(found[0], expected[0])


@needs_rtx
@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("op", GATES)
def test_a_cell_in_fp32_behind_low_nodes_builds(op: str, low: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    from conformance_build import build

    built = {build(rewrite(net(op, between), kept(op, low)).model) for between in BETWEEN}
    assert built == {""}
