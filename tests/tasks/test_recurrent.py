"""Of low recurrent nodes it is said that the emulator is too kind to them."""

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
    ("plan", "expected"),
    [(PrecisionPlan(FP16), ("gru",)), (PrecisionPlan(FP16, {"gru": FP32}), ())],
    ids=["low", "high"],
)
def test_a_rewrite_names_the_recurrent_nodes_that_are_low(plan: PrecisionPlan, expected: tuple[str, ...]) -> None:
    weights = [f32("w", random(1, 6, 3)), f32("r", random(1, 6, 2))]
    nodes = [node("GRU", "x w r", "y", "gru", hidden_size=2), node("Relu", "y", "z", "relu")]
    found = rewrite(model(nodes, [info("x", [4, 1, 3])], [info("z", [4, 1, 1, 2])], weights), plan)
    assert found.recurrent == expected
    assert any("recurrent" in note for note in found.notes) == bool(expected)
