"""Of low recurrent nodes that the emulator cannot spell out it is said that it is too kind to them."""

from __future__ import annotations

import pytest
from graph_models import f32, info, model, node, random

from trtflow.files.outcomes import RewriteOutcome, VerdictDocument
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.rewriting.rewrite import rewrite
from trtflow.tasks.documents import Documents
from trtflow.tasks.recurrent import recurrent_mark


def documents(recurrent: tuple[str, ...], runner: str = "emulated") -> Documents:
    verdict = VerdictDocument(
        accepted=True, samples=1, reference={}, candidate={}, margins={}, accept={}, runner=runner
    )
    return Documents(rewrite=RewriteOutcome(casts=0, pairs=0, bytes=0, recurrent=recurrent), verdict=verdict)


def test_the_nodes_are_named_and_what_helps() -> None:
    (mark,) = recurrent_mark(documents(("lstm", "gru")))
    assert all(part in mark for part in ("lstm, gru", "emulated in FP32", "a wider margin"))


@pytest.mark.parametrize(
    "found", [Documents(), documents(()), documents(("lstm",), "cuda")], ids=["no file", "none", "a GPU judged"]
)
def test_nothing_is_said_where_nothing_is_uncertain(found: Documents) -> None:
    assert list(recurrent_mark(found)) == []


@pytest.mark.parametrize(
    ("plan", "opset", "expected", "said"),
    [
        (PrecisionPlan(FP16), 17, (), "rounds it in every step"),
        (PrecisionPlan(FP16), 8, ("gru",), "expect several times its error"),
        (PrecisionPlan(FP16, {"gru": FP32}), 8, (), ""),
    ],
    ids=["spelt out", "not spelt out", "high"],
)
def test_a_rewrite_names_the_low_recurrent_nodes_whose_state_is_emulated_as_fp32(
    plan: PrecisionPlan, opset: int, expected: tuple[str, ...], said: str
) -> None:
    weights = [f32("w", random(1, 6, 3)), f32("r", random(1, 6, 2))]
    nodes = [node("GRU", "x w r", "y", "gru", hidden_size=2), node("Relu", "y", "z", "relu")]
    found = rewrite(model(nodes, [info("x", [4, 1, 3])], [info("z", [4, 1, 1, 2])], weights, opset), plan)
    assert found.recurrent == expected
    notes = [note for note in found.notes if "gru" in note and "state" in note]
    assert [said in note for note in notes] == [True] * bool(said)
