"""What was asked for is held against what was built, and an engine that ignores it all is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.errors import BuildError
from trtflow.plan import PrecisionPlan
from trtflow.precision import PRECISIONS, Precision
from trtflow.trt.honoured import Constraint, Honoured, honoured
from trtflow.trt.inspector import EngineLayer, EngineTensor

MIXED = PrecisionPlan("fp16", {"kept": "fp32"})
OTHER = ("other", "fp16", "fp16")


def layer(
    nodes: str, read: Precision | None, written: Precision | None, kind: str = "gemm", name: str = ""
) -> EngineLayer:
    tensors = [(EngineTensor(place, precision, (1,)),) for place, precision in (("in", read), ("out", written))]
    return EngineLayer(name or nodes, kind, *tensors, tuple(nodes.split()))


@pytest.mark.parametrize(
    ("node", "layers", "status"),
    [
        ("kept", [layer("kept", "fp32", "fp32")], "honoured"),
        ("kept", [layer("kept", "fp32", "fp16")], "not honoured"),
        ("kept", [layer("kept", "fp16", "fp32")], "not honoured"),
        ("kept", [layer("kept", "fp32", "bf16")], "not honoured"),
        ("kept", [layer("kept", "fp32", None)], "honoured"),
        ("kept", [layer("kept other", "fp32", "fp32")], "fused"),
        ("kept", [layer("kept other", "fp16", "fp16")], "fused"),
        ("kept", [layer("kept cast", "fp16", "fp32")], "fused"),
        ("kept", [layer("kept cast", "fp32", "fp32")], "honoured"),
        ("kept", [layer("kept", "fp32", "fp32", name="{ForeignNode[kept]}")], "fused"),
        ("kept", [layer("kept", "fp16", "fp32", kind="Reformat"), layer("kept", "fp32", "fp32")], "honoured"),
        ("kept", [layer("kept", "fp32", "fp32"), layer("kept", "fp16", "fp32")], "not honoured"),
        ("kept", [layer("kept", "fp32", "fp32"), layer("kept other", "fp32", "fp32")], "fused"),
        ("kept", [layer("kept", None, None)], "unknown"),
        ("kept", [layer("kept", "fp16", "fp32", kind="Reformat")], "unknown"),
        ("kept", [], "unknown"),
        ("low", [layer("low", "fp16", "fp16")], "honoured"),
        ("low", [layer("low", "fp16", "fp32")], "honoured"),
        ("low", [layer("low", None, "fp16")], "honoured"),
        ("low", [layer("low", "fp32", "fp32")], "not honoured"),
        ("low", [layer("low", "fp32", "fp16")], "not honoured"),
        ("low", [layer("low other", "fp16", "fp16")], "honoured"),
        ("low", [layer("low other", "fp32", "fp32")], "not honoured"),
    ],
)
def test_a_constraint_is_what_its_layers_read_and_write(node: str, layers: list[EngineLayer], status: str) -> None:
    found = honoured([*layers, layer(*OTHER)], MIXED, ["kept", "low", "other"])
    assert {entry.node: entry.status for entry in found.constraints}[node] == status


def test_what_was_built_instead_is_told_with_its_layers() -> None:
    found = honoured([layer("kept", "fp16", "fp32", name="k"), layer("low", "fp16", "fp16")], MIXED, ["kept", "low"])
    assert found.having("not honoured") == (Constraint("kept", "fp32", "not honoured", ("fp16", "fp32"), ("k",)),)
    assert found.counts == {"honoured": 1, "fused": 0, "not honoured": 1, "unknown": 0}
    assert str(found) == "1 honoured, 1 not honoured"


def test_eight_bits_are_honoured_where_they_are_read() -> None:
    plan = PrecisionPlan("int8", {"tail": "fp16"})
    layers = [layer("conv", "int8", "fp16"), layer("tail", "fp16", "fp16")]
    assert honoured(layers, plan, ["conv", "tail"]).counts["honoured"] == 2


@pytest.mark.parametrize(
    ("plan", "layers", "missing"),
    [
        (PrecisionPlan("fp16"), [layer("a", "fp32", "fp32")], "FP16 was asked for"),
        (PrecisionPlan("bf16"), [layer("a", "fp16", "fp16")], "BF16 was asked for"),
        (PrecisionPlan("int8", {"b": "fp16"}), [layer("a b", "fp32", "fp32")], "None"),
        (PrecisionPlan("int8", {"b": "fp16"}), [layer("a", "fp16", "fp16")], "INT8 was asked for"),
        (PrecisionPlan("fp16"), [layer("", "fp32", "fp32")], "FP16 was asked for"),
        (PrecisionPlan("fp32"), [layer("a", "fp32", "fp32")], "None"),
        (PrecisionPlan("fp16"), [layer("a", "fp32", "fp32", name="{ForeignNode[a...b]}")], "None"),
        (PrecisionPlan("fp16"), [layer("cast a cast2", "fp32", "fp32")], "None"),
    ],
    ids=["fp32 built", "fp16 built", "fused", "no int8", "no metadata", "nothing asked", "opaque", "casts inside"],
)
def test_a_low_precision_that_no_layer_has_is_an_error(
    plan: PrecisionPlan, layers: list[EngineLayer], missing: str
) -> None:
    if missing == "None":
        honoured(layers, plan, ["a", "b"])
    else:
        with pytest.raises(BuildError, match=missing):
            honoured(layers, plan, ["a", "b"])


@pytest.mark.parametrize(("low", "does"), [("fp16", "rewritten ONNX strongly typed"), ("int8", "Q/DQ pairs")])
def test_the_error_says_what_was_built_and_what_to_do(low: Precision, does: str) -> None:
    with pytest.raises(BuildError, match=f"FP32 was built.*{does}"):
        honoured([layer("a", "fp32", "fp32")], PrecisionPlan(low), ["a"])


LAYERS = st.lists(
    st.builds(
        layer,
        st.sampled_from(["a", "b", "a b", "a cast", ""]),
        st.sampled_from([*PRECISIONS, None]),
        st.sampled_from([*PRECISIONS, None]),
    )
)


@given(LAYERS, st.sampled_from(PRECISIONS))
def test_each_node_has_one_status_and_none_is_lost(layers: list[EngineLayer], default: Precision) -> None:
    try:
        found = honoured(layers, PrecisionPlan(default), ["a", "b", "absent"])
    except BuildError:
        assert default not in {precision for entry in layers for precision in entry.precisions}
        return
    assert isinstance(found, Honoured)
    assert [entry.node for entry in found.constraints] == ["a", "b", "absent"]
    assert sum(found.counts.values()) == 3
    assert found.constraints[2].status == "unknown"
