"""The constraints file says on one line a node what was decided and why, and can be read back."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from trtflow.errors import PlanError
from trtflow.files.constraints import (
    Constraints,
    DataReference,
    ModelReference,
    Node,
    read_constraints,
    write_constraints,
)
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
        "trtflow-constraints: 2\n"
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


def test_the_marks_of_the_data_stand_beside_the_decision(tmp_path: Path) -> None:
    data = DataReference(source="eval.npz", samples=1, marks=("R17: noise",))
    write_constraints(EXAMPLE.model_copy(update={"data": data}), tmp_path / "c.yaml")
    text = (tmp_path / "c.yaml").read_text()
    assert "\ndata:\n  source: eval.npz\n  samples: 1\n  marks:\n  - 'R17: noise'\ndefault: fp16\n" in text
    assert read_constraints(tmp_path / "c.yaml").data == data


def test_a_file_of_version_1_is_read_and_written_as_version_2(tmp_path: Path) -> None:
    old = read(tmp_path, HEAD)
    assert (old.version, old.data) == (1, None)
    write_constraints(old, tmp_path / "new.yaml")
    assert (tmp_path / "new.yaml").read_text().startswith("trtflow-constraints: 2\n")
    assert read_constraints(tmp_path / "new.yaml").plan == old.plan


HEAD = "trtflow-constraints: 1\nmodel: {path: a, sha256: b}\ndefault: fp16\n"
NODE = "  /a/Conv: {precision: fp32, op: Conv, reason: R01}\n"


def read(tmp_path: Path, text: str) -> Constraints:
    (tmp_path / "c.yaml").write_text(text)
    return read_constraints(tmp_path / "c.yaml")


@pytest.mark.parametrize(("number", "value"), [("1e-05", 1e-05), ("1.0e-05", 1e-05), ("3", 3.0), (".inf", math.inf)])
def test_numbers_are_those_of_yaml_1_2(tmp_path: Path, number: str, value: float) -> None:
    assert read(tmp_path, f"{HEAD}scales: {{x: {number}}}\n").scales == {"x": value}


def test_names_that_look_like_numbers_come_back_as_names(tmp_path: Path) -> None:
    named = EXAMPLE.model_copy(update={"nodes": {"12": EXAMPLE.nodes["/down0/conv0/Conv"]}, "scales": {"1e3": 1.0}})
    write_constraints(named, tmp_path / "c.yaml")
    assert read_constraints(tmp_path / "c.yaml") == named


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}nodes:\n{NODE}{NODE}", ":6:3: the key '/a/Conv' is here twice"),
        (f"{HEAD}<<<<<<< HEAD\nnodes: {{}}\n", "= line 4 is the mark of a merge conflict; resolve it first"),
        (f"{HEAD}noeds: {{}}\n", ":4:1: unknown key 'noeds'\n    4 | noeds: {}\n      | ^^^^^\n      = did you mean"),
        (HEAD.replace("fp16", "fp15"), ":3:10: expected one of fp32, fp16, bf16, int8, fp8, found 'fp15'"),
        (f"{HEAD}scales: {{x: '1.5'}}\n", ":4:13: expected a number, found '1.5'"),
        (f"{HEAD}scales: {{1: 1.5}}\n", ":4:10: a key must be a string"),
        (f"{HEAD}accept: {{iou: {{dorp: 0.1}}}}\n", ":4:16: unknown key 'dorp'"),
        (f"{HEAD}cures: [{{kind: magic}}]\n", ":4:16: expected one of equalisation, migration, "),
        (f"{HEAD}nodes:\n  a: {{op: Conv, reason: R01}}\n", ":5:3: 'precision' is missing"),
        (HEAD.replace("1", "3", 1) + "new: 1\n", ":1:22: this trtflow reads format 2, not 3"),
        ("trtflow-scales: 1\n", ":1:1: 'trtflow-constraints' is missing"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PlanError, match=re.escape(f"c.yaml{message}" if message[0] == ":" else message)):
        read(tmp_path, text)
