"""What an engine does not honour is told in its document, a sentence and a mark."""

from __future__ import annotations

from typing import Any

import pytest

from trtflow.files.outcomes import BuildOutcome, NotHonoured
from trtflow.tasks.documents import Documents
from trtflow.tasks.honouring import honouring_mark, outcome, said
from trtflow.trt.built import EngineBuild
from trtflow.trt.honoured import Constraint, Honoured

IGNORED = NotHonoured(node="up", asked="fp32", built=("fp16",))
TOLD = "R25: the engine does not honour the precision of 1 node (up: FP32 asked, FP16 built)"


def test_a_build_counts_what_became_of_its_constraints_and_names_the_ignored() -> None:
    constraints = Constraint("up", "fp32", "not honoured", ("fp16",), ("up",)), Constraint("add", "fp32", "honoured")
    built = EngineBuild(
        "tensorrt",
        "10.0",
        0.5,
        7,
        {"half": 4},
        "weak",
        {"gpu": "one"},
        notes=("a range",),
        honoured=Honoured(constraints),
    )
    assert outcome(built) == BuildOutcome(
        backend="tensorrt",
        version="10.0",
        typing="weak",
        bytes=7,
        tensors={"half": 4},
        machine={"gpu": "one"},
        notes=("a range",),
        honoured={"honoured": 1, "not honoured": 1},
        not_honoured=(IGNORED,),
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [({}, ()), ({"notes": ("one",)}, ("one",)), ({"notes": ("one",), "not_honoured": (IGNORED,)}, ("one", TOLD))],
)
def test_notes_come_before_what_is_ignored(found: dict[str, Any], told: tuple[str, ...]) -> None:
    assert said(BuildOutcome(backend="tensorrt", **found)) == told


@pytest.mark.parametrize(
    ("build", "marks"),
    [
        (None, []),
        (BuildOutcome(backend="tensorrt"), []),
        (
            BuildOutcome(backend="tensorrt", typing="weak", not_honoured=(IGNORED,)),
            [f"{TOLD}: `typing: strong`, from TensorRT 10 on, leaves it no choice"],
        ),
        (
            BuildOutcome(backend="tensorrt", typing="strong", not_honoured=(IGNORED,)),
            [f"{TOLD}: `engine-layers.json` has its layers"],
        ),
    ],
)
def test_an_engine_that_ignores_a_precision_marks_the_verdict(build: BuildOutcome | None, marks: list[str]) -> None:
    assert list(honouring_mark(Documents(build=build))) == marks
