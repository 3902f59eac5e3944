"""What a plan tells each layer of a weakly typed network, by trtflow and by the script that it exports."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import parsed
import pytest
from decisions import decision
from parsed import Told, needs_rtx

from trtflow.files.exports import polygraphy
from trtflow.files.exports.decision import Decision
from trtflow.files.exports.layers import LayerName
from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, INT8, Precision
from trtflow.tasks.export import with_ports
from trtflow.trt.names import names_table
from trtflow.trt.weak import Assignment, assignments, set_precisions

FLOAT: Told = ("float32", {0: "float32"})
TYPE: Told = (None, {0: "float32"})

CASES = [
    ("Softmax", parsed.softmax, ("sm",), {"sm": FLOAT, "ONNXTRT_ShapeShuffle": FLOAT}),
    (
        "Gemm with bias",
        parsed.gemm,
        ("gemm",),
        {"w": TYPE, "gemm": FLOAT, "b": TYPE, "ONNXTRT_Broadcast": FLOAT, "gemm_0": FLOAT},
    ),
    ("Split", parsed.split, ("sp",), {"sp": FLOAT, "sp_1": FLOAT}),
    (
        "InstanceNormalization",
        parsed.instance_norm,
        ("in",),
        {
            "s": TYPE,
            "b": TYPE,
            "ONNXTRT_unsqueezeTensor": FLOAT,
            "ONNXTRT_unsqueezeTensor_1": FLOAT,
            "in": FLOAT,
        },
    ),
    ("a duplicate name", lambda: parsed.chain("d", "d"), ("d_1",), {"d_1": FLOAT}),
    ("an unnamed node", lambda: parsed.chain("", ""), ("node_of_y",), {"node_of_y": FLOAT}),
    ("a name with ]", lambda: parsed.chain("a]b", "a"), ("a]b",), {"a]b": FLOAT}),
    ("a kept constant", parsed.shared_constant, ("add",), {"c": TYPE, "ONNXTRT_Broadcast_1": FLOAT, "add": FLOAT}),
    ("shapes and integers", parsed.shapes, ("shp", "cast", "rs"), {"cast": TYPE, "rs": FLOAT}),
    ("a loop", parsed.loop, ("loop", "body/add"), {"body/add": FLOAT}),
]


@needs_rtx
@pytest.mark.parametrize(("model", "kept", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_script_and_trtflow_tell_the_same_layers(
    model: Callable[[], onnx.ModelProto],
    kept: tuple[str, ...],
    expected: dict[str, Told],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared = prepare(model())[0]
    told, scripted = parsed.parsed(prepared), parsed.parsed(prepared)
    set_precisions(told, parsed.words(), PrecisionPlan(FP16, dict.fromkeys(kept, FP32)), names_table(told, prepared))
    parsed.execute(polygraphy.write(with_ports(decision(*kept), prepared)), scripted, monkeypatch)
    assert told.told == expected
    assert scripted.told == expected


def row(layer: str, kind: str, node: str, role: str = "own", types: str = "FLOAT", reads: str = "FLOAT") -> LayerName:
    made = tuple(types.split())
    return LayerName(layer, kind, tuple(node.split()), role, ("",) * len(made), made, tuple(reads.split()))


@pytest.mark.parametrize(
    ("one", "precision", "expected"),
    [
        (row("l", "TOPK", "n", types="FLOAT INT32"), FP32, Assignment(FP32, (FP32, None))),
        (row("l", "ELEMENTWISE", "n", types="BOOL"), FP32, Assignment(FP32, (None,))),
        (row("l", "GATHER", "n", types="SHAPE", reads="SHAPE"), FP32, None),
        (row("l", "SHAPE", "n", types="INT64"), FP32, None),
        (row("l", "CAST", "n", types="HALF"), FP32, None),
        (row("l", "CAST", "n", types="HALF"), FP16, Assignment(None, (FP16,))),
        (row("l", "CONSTANT", "n", "constant", types="INT64", reads=""), FP32, None),
        (row("l", "TRIP_LIMIT", "n", "helper", types=""), FP32, None),
        (row("l", "CONVOLUTION", "n"), INT8, Assignment(INT8, (None,))),
        (row("l", "SHUFFLE", "n", "helper"), INT8, None),
        (row("l", "POOLING", "n"), INT8, Assignment(INT8, (None,))),
        (row("l", "SHUFFLE", "", "helper"), FP32, None),
    ],
)
def test_only_what_has_a_float_type_is_told_one(
    one: LayerName, precision: Precision, expected: Assignment | None
) -> None:
    default: Precision = FP16 if precision != FP16 else FP32
    plan = PrecisionPlan(default, {"n": precision})
    assert assignments([one], plan) == ({} if expected is None else {"l": expected})


def test_in_eight_bits_the_product_alone_and_other_products_the_default() -> None:
    rows = [
        row("gemm", "MATRIX_MULTIPLY", "gemm"),
        row("gemm_0", "ELEMENTWISE", "gemm"),
        row("other", "CONVOLUTION", "other"),
        row("relu", "ACTIVATION", "relu"),
    ]
    assert assignments(rows, PrecisionPlan(FP16, {"gemm": INT8})) == {
        "gemm": Assignment(INT8, (None,)),
        "other": Assignment(FP16, (FP16,)),
    }


def test_what_serves_two_nodes_has_the_stricter_type() -> None:
    rows = [row("c", "CONSTANT", "a b", "constant", reads="")]
    plan = PrecisionPlan(INT8, {"a": FP16, "b": FP32})
    assert assignments(rows, plan) == {"c": Assignment(None, (FP32,))}


@needs_rtx
def test_the_script_says_which_node_it_does_not_find(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = parsed.softmax()
    made: Decision = with_ports(decision("sm", "lost"), model)
    parsed.execute(polygraphy.write(made), parsed.parsed(model), monkeypatch)
    assert "no layer of this network is of the node 'lost'" in capsys.readouterr().out
