"""What dequantizes has the precision of what reads it, so that no Cast comes between."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from graph_models import run
from hypothesis import given, settings
from hypothesis import strategies as st
from quantized_models import Network, convolutions, samples

from trtflow.model.analysis import analyse
from trtflow.model.dequantized import one_reader_each, tied, tied_groups
from trtflow.model.load import prepare
from trtflow.model.units import readers, units
from trtflow.plan import PrecisionPlan


def groups(model: onnx.ModelProto) -> set[frozenset[str]]:
    analysis = analyse(model)
    return set(tied_groups(analysis, readers(analysis)))


def test_a_node_is_tied_to_all_that_dequantize_for_it() -> None:
    expected = {frozenset({name, f"{name}_x_dq", f"{name}_w_dq"}) for name in ("one", "two", "three")}
    assert groups(convolutions()) == expected


def test_nothing_is_tied_where_nothing_dequantizes() -> None:
    assert groups(convolutions(paired=())) == set()


@pytest.mark.parametrize(
    ("between", "is_tied"), [("Transpose", True), ("Identity", True), ("Relu", False), ("Softmax", False)]
)
def test_movements_between_are_tied_too_and_computations_are_not(between: str, is_tied: bool) -> None:
    net = Network()
    net.add("Neg", net.add(between, net.pair("x", "p", 0.1), "moved"), "y")
    expected = {"p_dq", "moved", "y"} if is_tied else {"p_dq", "moved"}
    assert groups(net.model()) == {frozenset(expected)}


def test_whoever_is_shared_ties_nobody() -> None:
    assert groups(shared()) == set()


def shared() -> onnx.ModelProto:
    """One pair, read by two nodes."""
    net = Network()
    pair = net.pair("x", "p", 0.1)
    net.add("Add", f"{net.add('Neg', pair, 'n')} {net.add('Abs', pair, 'a')}", "y")
    return net.model()


def test_every_reader_gets_a_dequantize_linear_of_its_own_and_the_values_stay() -> None:
    before = shared()
    model, notes = prepare(before)
    assert notes == ("1 DequantizeLinear nodes were added, so that each has one reader",)
    assert groups(model) == {frozenset({"n", "p_dq"}), frozenset({"a", "p_dq__again"})}
    np.testing.assert_array_equal(run(model, samples()[0])[0], run(before, samples()[0])[0])
    assert one_reader_each(model) == []


def test_the_output_of_the_graph_keeps_its_dequantize_linear() -> None:
    net = shared()
    net.graph.output.append(onnx.helper.make_tensor_value_info("p_dq", onnx.TensorProto.FLOAT, None))
    assert len(one_reader_each(net)) == 1
    read = [node.input[0] for node in net.graph.node if node.name in ("n", "a")]
    assert len({*read, "p_dq"}) == 3


def test_a_unit_holds_what_dequantizes_for_it() -> None:
    found = {frozenset(unit.nodes) for unit in units(convolutions())}
    assert frozenset({"two_x_dq", "two_w_dq", "two", "bn", "two_relu"}) in found
    assert [unit.id for unit in units(convolutions())] == list(range(len(found)))


NODES = ("one", "one_x_dq", "one_w_dq", "bn")


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({name: st.sampled_from(["fp16", "fp32", "bf16"]) for name in NODES}))
def test_a_group_that_is_torn_becomes_fp32_and_nothing_else_changes(plan: dict[str, str]) -> None:
    given_plan = PrecisionPlan("fp16", plan)  # type: ignore[arg-type]
    whole = tied(given_plan, groups(convolutions()))
    group = NODES[:3]
    torn = len({plan[name] for name in group}) > 1
    assert [whole.precision(name) for name in group] == (["fp32"] * 3 if torn else [plan[name] for name in group])
    assert whole.precision("bn") == plan["bn"]
    others = [n.name for n in convolutions().graph.node if n.name not in NODES]
    assert all(whole.precision(name) == "fp16" for name in others)


def cast_behind_dequantizer(model: onnx.ModelProto) -> list[str]:
    """Casts that read what a DequantizeLinear makes."""
    made = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    return [node.name for node in model.graph.node if node.op_type == "Cast" and node.input[0] in made]


@pytest.mark.parametrize("high", [*itertools.combinations(("one", "two", "three"), 1), ("one", "three")])
def test_no_plan_leaves_a_cast_between_it_and_its_reader(high: tuple[str, ...]) -> None:
    from trtflow.rewriting.rewrite import rewrite

    done = rewrite(convolutions(), PrecisionPlan("fp16", dict.fromkeys(high, "fp32")))
    assert cast_behind_dequantizer(done.model) == []
    assert set(done.promoted) == {f"{name}_{side}_dq" for name in high for side in "xw"}
