"""A run is right by the file that it wrote, refused by a reason that is true, and else unexplained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from conformance_verdicts import REFUSALS, Verdict, _figure, refusal
from graph_models import f32, info, model, node

from trtflow.data import Sample

LACKING = (
    "compare: ONNX Runtime refuses the model: NOT_IMPLEMENTED : Could not find an implementation for Pow(13) node"
)
SIXTEEN = onnx.TensorProto.UINT16


def written(folder: Path, op: str, elem: int) -> Path:
    path = folder / "model.onnx"
    onnx.save(model([node(op, "x x", "y")], [info("x", [2], elem)], [info("y", [2], elem)]), path)
    return path


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "Nothing gained: FP16 is accurate enough, but Casts would cost more than it saves on 1 node",
            "Casts",
        ),
        ("Nothing gained: FP16 is open to none of 1 node: TensorRT takes it in fp32 only; sqnr 3", "a rule"),
        ("inspect: input 'items' is a sequence; expected a tensor: split the model there", "no tensor"),
        ("inspect: output 'y' is INT4; expected a type of whole bytes, which arrays hold: cast", "values of less"),
        ("calibrate: no node of the model suits INT8 or FP8: Conv 'c' has weights that are fed", "no product"),
        ("the model is quantized already, and not as engines take it: TensorRT does not take 'd' (Deq", "pairs"),
        ("only weights are quantized (weights in INT4 (4)): everything computes in floating point. Run", "weights"),
        ("check: R18 coverage: 2 of 9 tensors reach beyond the calibration samples in inference", "calibration that"),
        ("inspect: cannot run n (Flex, domain 'x'), and no FP32 tensor is computed before it by which", "a foreign"),
    ],
)
def test_a_known_reason_is_a_refusal(tmp_path: Path, said: str, reason: str) -> None:
    found = refusal(said, tmp_path / "none.onnx")
    assert (found.outcome, found.text.startswith(reason)) == ("refused", True)


@pytest.mark.parametrize(("rows", "outcome"), [(2, "wrong"), (3, "refused")], ids=["runs", "does not run"])
def test_that_the_sample_cannot_run_must_be_true_of_the_original(tmp_path: Path, rows: int, outcome: str) -> None:
    said = "compare: ONNX Runtime cannot run the model on the sample: no"
    original = written(tmp_path, "Add", onnx.TensorProto.FLOAT)
    onnx.save_tensor(onnx.numpy_helper.from_array(np.zeros(rows, np.float32)), tmp_path / "0.pb")
    (tmp_path / "inputs.json").write_text('{"x": "0.pb"}')
    assert refusal(said, original).outcome == outcome


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Nothing gained: ",
        "it did not work",
        "FP16 is open to none of 2 nodes: ",
        "is a sequence; expected a tensor",
        "no node of the model suits INT8 or FP8: ",
        LACKING[:40],
    ],
)
def test_what_names_no_reason_or_no_place_is_unexplained(tmp_path: Path, said: str) -> None:
    runs = written(tmp_path, "Add", onnx.TensorProto.FLOAT)
    assert refusal(said, runs) == Verdict("wrong", said)


@pytest.mark.parametrize(
    ("op", "elem", "outcome"),
    [("Pow", SIXTEEN, "refused"), ("Add", onnx.TensorProto.FLOAT, "wrong")],
    ids=["the original is refused, too", "the original runs"],
)
def test_a_missing_kernel_excuses_only_where_the_original_lacks_it(
    tmp_path: Path, op: str, elem: int, outcome: str
) -> None:
    assert refusal(LACKING, written(tmp_path, op, elem)).outcome == outcome


@pytest.mark.parametrize(
    ("op", "elem", "outcome"),
    [
        ("Add", onnx.TensorProto.FLOAT, "wrong"),
        ("Add", onnx.TensorProto.INT32, "refused"),
        ("Add", onnx.TensorProto.DOUBLE, "refused"),
        ("EyeLike", onnx.TensorProto.FLOAT, "refused"),
    ],
)
def test_that_nothing_can_be_lowered_is_believed_where_no_operator_could_be(
    tmp_path: Path, op: str, elem: int, outcome: str
) -> None:
    found = refusal("Nothing gained: nothing in it can take a low precision.", written(tmp_path, op, elem))
    assert found.outcome == outcome
    assert ("But it has Add" in found.text) == (outcome == "wrong")


def test_every_reason_is_told_once() -> None:
    assert len(set(REFUSALS.values())) == len(REFUSALS)


def heads(boxes: float) -> onnx.ModelProto:
    """Boxes and scores side by side in one output, the boxes multiplied by ``boxes``."""
    nodes = [node("Mul", "x large", "b"), node("Mul", "x small", "s"), node("Concat", "b s", "y", axis=1)]
    weights = [f32("large", 640 * boxes), f32("small", 1e-2)]
    return model(nodes, [info("x", [1, 4])], [info("y", [1, 8])], weights)


def test_the_figure_of_a_file_is_that_of_its_worst_part() -> None:
    mixed = heads(1.0)
    mixed.graph.initializer[1].CopyFrom(f32("small", 1.1e-2))
    sample = Sample({"x": np.full((1, 4), 1.0, np.float32)})
    assert _figure(heads(1.0), heads(1.1), [sample]) == pytest.approx(20.0, abs=0.01)
    assert _figure(heads(1.0), mixed, [sample]) == pytest.approx(20.0, abs=0.01)


def test_the_figure_of_weight_only_products_is_that_of_the_graph_as_it_is_written() -> None:
    rng = np.random.default_rng(0)
    codes = onnx.numpy_helper.from_array(rng.integers(-127, 128, (64, 64)).astype(np.int8), "w")
    nodes = [node("DequantizeLinear", "w step", "d", axis=1), node("MatMul", "x d", "y")]
    net = model(nodes, [info("x", [8, 64])], [info("y", [8, 64])], [codes, f32("step", np.full(64, 1e-3))], opset=21)
    other = model([node("MatMul", "x d", "y")], [info("x", [8, 64])], [info("y", [8, 64])], opset=21)
    other.graph.initializer.append(f32("d", onnx.numpy_helper.to_array(codes).astype(np.float32) * np.float32(1e-3)))
    assert _figure(net, other, [Sample({"x": rng.standard_normal((8, 64)).astype(np.float32)})]) > 100
