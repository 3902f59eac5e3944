"""ONNX's checker on a rewritten file: its complaints of the original are notes, all others are faults of ours."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from graph_models import f32, info, model, node, random
from onnx import helper

from trtflow.rewriting.complaints import RewriteError, check_rewritten, complaints


def net(*more: onnx.NodeProto, output: onnx.ValueInfoProto | None = None) -> onnx.ModelProto:
    nodes = [node("MatMul", "x w", "y", "product"), *more]
    return model(nodes, [info("x", [2, 8])], [output or info("y", [2, 4])], [f32("w", random(8, 4))])


def saved(proto: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(proto, folder / "m.onnx")
    return folder / "m.onnx"


SHAPELESS = info("y", None)
UNKNOWN_OPERATOR = node("EfficientNMS_TRT", "y", "n", "nms")
IMPOSSIBLE = node("MatMul", "y w", "r", "again")
KINDS = {
    "an output without a shape": (net(output=SHAPELESS), {"Field 'shape' of 'type' is required but missing."}),
    "an operator that ONNX does not know": (net(UNKNOWN_OPERATOR), {"nms"}),
    "a shape that cannot be": (net(IMPOSSIBLE), {"again"}),
    "two of them": (
        net(IMPOSSIBLE, output=SHAPELESS),
        {"Field 'shape' of 'type' is required but missing.", "again"},
    ),
}


@pytest.mark.parametrize(("faulty", "places"), KINDS.values(), ids=KINDS)
def test_complaints_are_known_by_what_they_are_about(
    faulty: onnx.ModelProto, places: set[str], tmp_path: Path
) -> None:
    assert set(complaints(saved(faulty, tmp_path), faulty)) == places


@pytest.mark.parametrize(("faulty", "places"), KINDS.values(), ids=KINDS)
def test_what_the_original_has_is_a_note(faulty: onnx.ModelProto, places: set[str], tmp_path: Path) -> None:
    notes = check_rewritten(saved(faulty, tmp_path), faulty, faulty)
    assert len(notes) == len(places)
    assert all(note.startswith("ONNX's checker complains of the original, too: ") for note in notes)


@pytest.mark.parametrize(("faulty", "places"), KINDS.values(), ids=KINDS)
def test_what_the_original_does_not_have_is_a_fault_of_the_rewrite(
    faulty: onnx.ModelProto, places: set[str], tmp_path: Path
) -> None:
    with pytest.raises(RewriteError) as caught:
        check_rewritten(saved(faulty, tmp_path), faulty, net())
    assert all(place in str(caught.value) for place in places)


def test_a_fault_beside_a_borrowed_one_is_told_alone(tmp_path: Path) -> None:
    both = net(IMPOSSIBLE, output=SHAPELESS)
    with pytest.raises(RewriteError) as caught:
        check_rewritten(saved(both, tmp_path), both, net(output=SHAPELESS))
    assert "'again'" in str(caught.value)
    assert "required but missing" not in str(caught.value)


def test_a_raised_opset_makes_no_new_complaint_of_the_same_node(tmp_path: Path) -> None:
    mixed = net(UNKNOWN_OPERATOR)
    mixed.opset_import[0].CopyFrom(helper.make_opsetid("", 19))
    assert len(check_rewritten(saved(mixed, tmp_path), mixed, net(UNKNOWN_OPERATOR))) == 1


def test_nothing_is_said_of_a_file_without_faults(tmp_path: Path) -> None:
    assert check_rewritten(saved(net(), tmp_path), net(), net()) == []
