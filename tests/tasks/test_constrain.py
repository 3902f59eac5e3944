"""A decision is written down whole: each node's precision with its reason and numbers, the proof beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx
import pytest
from report_fakes import search

from trtflow.cures.clipping import Clipping
from trtflow.cures.rescaling import Rescaling
from trtflow.files.constraints import (
    Constraints,
    DataReference,
    ModelReference,
    read_constraints,
    write_constraints,
)
from trtflow.files.data_facts import DataFacts
from trtflow.files.findings import Finding
from trtflow.files.outcomes import ModelFacts
from trtflow.files.scales import Scales, TensorScale
from trtflow.files.search import Because, Word
from trtflow.plan import PrecisionPlan
from trtflow.tasks.constrain import constrain, refusal
from trtflow.tasks.searching import Decided

FACTS = ModelFacts(file="net.onnx", sha256="4a98")
ACCEPT = {"iou": {"drop": 0.005}}
METRICS = {"reference": {"iou": 0.95}, "low": {"iou": 0.1}, "candidate": {"iou": 0.949}, "naive": {"iou": 0.2}}
CERTAIN = Finding("R01", "up", "too large", {"amax": 91234.56789, "tensor": "a"}, certain=True)
SUSPECTED = Finding("R05", "up", "tiny", {"value": 1e-12}, certain=False)
NEEDED = {"up": Because(word="needed", text="was measured")}
AGAINST_INT8 = Finding("R19", "up", "clipped", {}, certain=True, against="int8")


def why(**words: Word) -> dict[str, Because]:
    """The words for nodes."""
    return {node: Because(word=word, text=f"is {word}") for node, word in words.items()}


def written(
    model: onnx.ModelProto, plan: PrecisionPlan, because: Mapping[str, Because] = NEEDED, **more: object
) -> Constraints:
    """The decision for ``plan``, of which the search says ``because``."""
    decided = Decided(plan, search(because=because, metrics=METRICS))
    return constrain(model, FACTS, decided, ACCEPT, **more)  # type: ignore[arg-type]


REASONS: dict[str, tuple[list[Finding], Word, str]] = {
    "a certain finding": ([SUSPECTED, CERTAIN], "needed", "R01"),
    "a suspicion": ([SUSPECTED], "unproven", "R05"),
    "found by measurement alone": ([], "needed", "measured"),
    "kept to save Casts, whatever was found": ([CERTAIN], "cheaper", "casts"),
    "forced, whatever was found": ([CERTAIN], "forced", "forced"),
    "a constant without a finding": ([], "constant", "R04"),
    "a finding against eight bits says nothing of FP16": ([AGAINST_INT8], "needed", "measured"),
}


@pytest.mark.parametrize(("findings", "word", "code"), REASONS.values(), ids=REASONS)
def test_a_kept_node_has_the_word_for_why_it_is_kept_and_the_best_reason(
    overflowing: onnx.ModelProto, findings: list[Finding], word: Word, code: str
) -> None:
    found = written(overflowing, PrecisionPlan("fp16", {"up": "fp32"}), why(up=word), findings=findings)
    assert {name: (node.precision, node.op, node.because, node.reason) for name, node in found.nodes.items()} == {
        "up": ("fp32", "Mul", word, code)
    }


def test_what_is_kept_beside_eight_bits_has_the_words_of_the_floats_search(
    overflowing: onnx.ModelProto,
) -> None:
    plan = PrecisionPlan("fp16", {"up": "fp32", "add": "int8"})
    found = written(overflowing, plan, {}, floats=search(because=why(up="cheaper", add="needed")))
    assert {name: (node.because, node.reason) for name, node in found.nodes.items()} == {
        "up": ("cheaper", "casts"),
        "add": (None, "quantized"),
    }


def test_numbers_of_the_evidence_have_six_digits_and_words_stay(overflowing: onnx.ModelProto) -> None:
    found = written(overflowing, PrecisionPlan("fp16", {"up": "fp32"}), findings=[CERTAIN])
    assert found.nodes["up"].evidence == {"amax": 91234.6, "tensor": "a"}


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_a_quantized_node_needs_no_reason(overflowing: onnx.ModelProto, precision: str) -> None:
    plan = PrecisionPlan("fp16", {"up": precision, "add": "fp32"})  # type: ignore[dict-item]
    found = written(overflowing, plan, findings=[CERTAIN])
    assert {name: (node.precision, node.reason, node.evidence) for name, node in found.nodes.items()} == {
        "up": (precision, "quantized", {}),
        "add": ("fp32", "measured", {}),
    }


def test_nodes_stand_in_the_order_of_the_model_with_the_unit_that_an_engine_fuses(products: onnx.ModelProto) -> None:
    found = written(products, PrecisionPlan("fp16", {"down": "fp32", "relu": "fp32", "up": "fp32"}))
    assert [(name, node.unit) for name, node in found.nodes.items()] == [("up", 0), ("relu", 0), ("down", 1)]


def test_the_plan_can_be_read_back(products: onnx.ModelProto) -> None:
    plan = PrecisionPlan("bf16", {"down": "fp32", "up": "int8"})
    assert written(products, plan).plan == plan


def test_model_conditions_tools_and_the_three_measured_sides_are_recorded(overflowing: onnx.ModelProto) -> None:
    found = written(overflowing, PrecisionPlan("fp16"))
    assert found.model == ModelReference(path="net.onnx", sha256="4a98")
    assert (found.default, found.nodes, found.accept) == ("fp16", {}, ACCEPT)
    assert found.measured == {key: METRICS[key] for key in ("reference", "low", "candidate")}
    assert found.made_by == search().made_by


def test_only_cures_of_quantized_nodes_that_the_plan_has_are_carried_over(products: onnx.ModelProto) -> None:
    about = {"before": 1.0, "after": 0.5}
    moved = Rescaling(kind="equalisation", subject="r", nodes=("down",), shifts=(0,) * 32, **about)  # type: ignore[arg-type]
    clipped, idle = (
        Clipping(subject=name, nodes=(name,), shares=(0.9,), **about)  # type: ignore[arg-type]
        for name in ("up", "down")
    )
    found = written(products, PrecisionPlan("fp16", {"up": "int8"}), cures=(moved, clipped, idle))
    assert clipped in found.cures
    assert idle not in found.cures
    assert (moved in found.cures) == moved.in_effect(found.plan)


def test_scales_are_the_ranges_alone(products: onnx.ModelProto) -> None:
    scales = Scales(method="mse", samples=1, tensors={"x": TensorScale(amax=2.5, method="mse", seen=9.0)})
    assert written(products, PrecisionPlan("fp16"), scales=scales).scales == {"x": 2.5}
    assert written(products, PrecisionPlan("fp16")).scales == {}


@pytest.mark.parametrize("marks", [(), ("R17: noise",)], ids=["nothing against them", "a mark"])
def test_the_data_are_told_with_their_marks(overflowing: onnx.ModelProto, marks: tuple[str, ...]) -> None:
    facts = DataFacts(source="eval.npz", samples=9, distinct=8, marks=marks)
    found = written(overflowing, PrecisionPlan("fp16"), data=facts)
    assert found.data == DataReference(source="eval.npz", samples=8, marks=marks)
    assert written(overflowing, PrecisionPlan("fp16")).data is None


def test_it_comes_back_from_its_file_as_it_was(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    found = written(overflowing, PrecisionPlan("fp16", {"up": "fp32"}), findings=[CERTAIN])
    write_constraints(found, tmp_path / "constraints.yaml")
    assert read_constraints(tmp_path / "constraints.yaml") == found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"lowered": 1}, ""),
        ({"lowered": 0}, "nothing gained: FP16 holds for none of 3 nodes"),
        ({"lowered": 0, "kept": ()}, "nothing gained: nothing in it can take FP16"),
        ({"accepted": False, "reason": "the budget ended"}, "no plan is accepted: the budget ended"),
    ],
)
def test_a_decision_that_is_none_is_not_written_down(changes: dict[str, object], said: str) -> None:
    assert refusal(search(**changes)) == said
