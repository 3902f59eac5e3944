"""Of low recurrent nodes it is said how far a GPU may be from the emulator."""

from __future__ import annotations

import pytest
from graph_models import f32, info, model, node, random

from trtflow.files.outcomes import RewriteOutcome, VerdictDocument
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.rewriting.rewrite import rewrite
from trtflow.tasks.documents import Documents
from trtflow.tasks.recurrent import recurrent_mark


def documents(recurrent: tuple[str, ...], runner: str = "emulated", stepped: tuple[str, ...] = ()) -> Documents:
    verdict = VerdictDocument(
        accepted=True, samples=1, reference={}, candidate={}, margins={}, accept={}, runner=runner
    )
    return Documents(
        rewrite=RewriteOutcome(casts=0, pairs=0, bytes=0, recurrent=recurrent, stepped=stepped), verdict=verdict
    )


def test_the_nodes_are_named_and_what_helps() -> None:
    (mark,) = recurrent_mark(documents(("lstm", "gru")))
    assert all(part in mark for part in ("lstm, gru", "emulated in FP32", "a wider margin"))


def test_what_was_measured_of_others_is_told_with_the_gpu_and_the_date() -> None:
    before, (mark,) = documents(("old",)), recurrent_mark(documents((), stepped=("lstm", "gru")))
    expected = ("lstm, gru: ", "up to 1.8 times", "H100, 2026-11-25", "`accumulation: fp16`")
    assert [part in mark for part in expected] == [True] * len(expected)
    assert [*recurrent_mark(documents(("old",), stepped=("lstm", "gru")))] == [*recurrent_mark(before), mark]


@pytest.mark.parametrize(
    "found",
    [Documents(), documents(()), documents(("lstm",), "cuda"), documents((), "cuda", ("lstm",))],
    ids=["no file", "none", "a GPU judged", "a GPU judged steps"],
)
def test_nothing_is_said_where_nothing_is_uncertain(found: Documents) -> None:
    assert list(recurrent_mark(found)) == []


@pytest.mark.parametrize(
    ("plan", "opset", "expected", "stepped", "said"),
    [
        (PrecisionPlan(FP16), 17, (), ("gru",), "rounds it in every step"),
        (PrecisionPlan(FP16), 8, ("gru",), (), "expect several times its error"),
        (PrecisionPlan(FP16, {"gru": FP32}), 8, (), (), ""),
        (PrecisionPlan(FP16, {"gru": FP32}), 17, (), (), ""),
    ],
    ids=["spelt out", "not spelt out", "high", "high, of steps"],
)
def test_a_rewrite_names_the_low_recurrent_nodes_and_how_they_are_emulated(
    plan: PrecisionPlan, opset: int, expected: tuple[str, ...], stepped: tuple[str, ...], said: str
) -> None:
    weights = [f32("w", random(1, 6, 3)), f32("r", random(1, 6, 2))]
    nodes = [node("GRU", "x w r", "y", "gru", hidden_size=2), node("Relu", "y", "z", "relu")]
    found = rewrite(model(nodes, [info("x", [4, 1, 3])], [info("z", [4, 1, 1, 2])], weights, opset), plan)
    assert (found.recurrent, found.stepped) == (expected, stepped)
    notes = [note for note in found.notes if "gru" in note and "state" in note]
    assert [said in note for note in notes] == [True] * bool(said)
