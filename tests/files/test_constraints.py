"""The constraints file says on one line a node what was decided and why, and can be read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from trtflow.errors import PlanError
from trtflow.files.constraints import Constraints, ModelReference, Node, read_constraints, write_constraints
from trtflow.plan import PrecisionPlan

EXAMPLE = Constraints(
    model=ModelReference(path="unet.onnx", sha256="4a98"),
    default="fp16",
    nodes={
        "/down0/conv0/Conv": Node(
            precision="fp32", op="Conv", unit=0, reason="R01", evidence={"amax": 91234.5, "tensor": "y"}
        )
    },
    accept={"iou": {"drop": 0.005}},
    measured={"reference": {"iou": 0.95}},
    **{"made-by": {"trtflow": "0.1.0"}},
)


def test_each_node_stands_on_one_line(tmp_path: Path) -> None:
    write_constraints(EXAMPLE, tmp_path / "c.yaml")
    assert (tmp_path / "c.yaml").read_text() == (
        "trtflow-constraints: 1\n"
        "model: {path: unet.onnx, sha256: 4a98}\n"
        "default: fp16\n"
        "nodes:\n"
        "  /down0/conv0/Conv: {precision: fp32, op: Conv, unit: 0, reason: R01, "
        "evidence: {amax: 91234.5, tensor: y}}\n"
        "cures: []\n"
        "scales: {}\n"
        "accept: {iou: {drop: 0.005}}\n"
        "measured:\n"
        "  reference: {iou: 0.95}\n"
        "made-by: {trtflow: 0.1.0}\n"
    )


def test_it_reads_back_as_the_same_decision(tmp_path: Path) -> None:
    write_constraints(EXAMPLE, tmp_path / "c.yaml")
    again = read_constraints(tmp_path / "c.yaml")
    assert again == EXAMPLE
    assert again.plan == PrecisionPlan("fp16", {"/down0/conv0/Conv": "fp32"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "trtflow-constraints: 2\nmodel: {path: a, sha256: b}\ndefault: fp16\n",
            "trtflow-constraints: Input should be 1",
        ),
        ("model: {path: a, sha256: b}\ndefault: fp15\n", "default: Input should be"),
        ("model: {path: a}\ndefault: fp16\nnoeds: {}\n", "noeds: Extra inputs"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(PlanError, match=message):
        read_constraints(tmp_path / "c.yaml")
